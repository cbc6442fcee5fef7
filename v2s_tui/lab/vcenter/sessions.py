"""Logins: who is logged in, which objects live as long as the session, and when it ends for lack of calls."""

import datetime
import secrets
import time
import uuid
from typing import Any

from pyVmomi import vim

from v2s_tui.lab.vcenter.inventory import Entity
from v2s_tui.lab.vcenter.world import World


class SessionObject(Entity):
    """An object that dies with its session: a view, a collector, a filter, a lease."""

    def end(self) -> None:
        """Let go of what the object holds."""


class Session:
    """One login. cookie: what the client shows on every call; key: its public name."""

    def __init__(self, user_name: str, *, address: str, user_agent: str) -> None:
        self.cookie = secrets.token_hex(20)
        self.key = str(uuid.uuid4())
        self.user_name = user_name
        self.address = address
        self.user_agent = user_agent
        self.login_at = datetime.datetime.now(datetime.UTC)
        self.last_call = time.monotonic()
        self.calls = 0
        self.objects: dict[str, SessionObject] = {}

    def used(self) -> None:
        """Note a call: the session stays alive."""
        self.last_call = time.monotonic()
        self.calls += 1

    def as_user_session(self) -> Any:
        """The session as SessionManager shows it."""
        return vim.UserSession(
            key=self.key,
            userName=self.user_name,
            fullName=self.user_name,
            loginTime=self.login_at,
            lastActiveTime=datetime.datetime.now(datetime.UTC),
            locale="en",
            messageLocale="en",
            ipAddress=self.address,
            userAgent=self.user_agent,
            callCount=self.calls,
        )


class Sessions:
    """All logins, over SOAP and REST alike. idle_seconds: a session ends after so long without a call."""

    def __init__(self, world: World, *, username: str, password: str, idle_seconds: float) -> None:
        self.idle_seconds = idle_seconds
        self._world = world
        self._credentials = (username, password)
        self._by_cookie: dict[str, Session] = {}

    def login(self, user_name: str, password: str, *, address: str, user_agent: str = "") -> Session | None:
        """A new session; None where user name or password are wrong."""
        given = f"{user_name}\0{password}".encode()
        if not secrets.compare_digest(given, "\0".join(self._credentials).encode()):
            return None
        session = Session(user_name, address=address, user_agent=user_agent)
        with self._world.lock:
            self._by_cookie[session.cookie] = session
        return session

    def find(self, cookie: str | None) -> Session | None:
        """The session of a cookie, if it is still alive."""
        with self._world.lock:
            session = self._by_cookie.get(cookie or "")
            if session is not None and time.monotonic() - session.last_call > self.idle_seconds:
                self.end(session)
                return None
            return session

    def end(self, session: Session) -> None:
        """Log out: everything that belongs to the session goes with it."""
        with self._world.changed:
            self._by_cookie.pop(session.cookie, None)
            for owned in list(session.objects.values()):
                owned.end()
                self._world.entities.pop(owned.moid, None)
            session.objects.clear()
            self._world.changed.notify_all()

    def end_all(self) -> None:
        """Forget every login, as a restarted vCenter does."""
        for session in self.open():
            self.end(session)

    def open(self) -> list[Session]:
        """Sessions that have not ended."""
        with self._world.lock:
            return list(self._by_cookie.values())
