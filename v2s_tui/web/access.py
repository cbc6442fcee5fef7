"""Who may use the app in a browser: whoever has the token, from a page of this server, by a name it goes by.

The token comes once, in the address that the operator opens; afterwards the browser shows a cookie that
scripts cannot read and that no other site's page can make it send. Names are checked so that a foreign name
made to point here (DNS rebinding) opens nothing, and the origin of the websocket so that a page of another
port does not either: cookies do not tell ports apart.
"""

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.domain.errors import InputError
from v2s_tui.system.files import make_private_folder, write_atomically

_TOKEN_BYTES = 32
_SHORTEST_TOKEN = 24
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
"""A Host header: what is more than this would be written into the page."""


def is_loopback(host: str) -> bool:
    """True for an address, or `localhost`, that only this machine reaches."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def new_token() -> str:
    """256 random bits, in characters that need no quoting in an address."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def kept_token(path: Path) -> str:
    """The token of that file, which is made, for its owner alone, where it is missing.

    Raises InputError for a file that others may read, or one whose content is too short to be a token.
    """
    try:
        if not path.parent.exists():
            make_private_folder(path.parent)
        if not path.exists():
            write_atomically(path, f"{new_token()}\n".encode())
        found = path.stat()
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"the token file {path} cannot be used: {err}", hint="name another one") from err
    if found.st_mode & 0o077 or found.st_uid != os.getuid():
        raise InputError(f"the token file {path} is open to others", hint=f"chmod 600 {path}, then change it")
    if len(token) < _SHORTEST_TOKEN:
        raise InputError(f"the token in {path} is too short", hint="remove the file: a new one is made")
    return token


@dataclass(frozen=True, slots=True)
class Access:
    """token: what the operator's address carries. names: by which browsers may call the server, besides
    addresses in figures and `localhost`. secure: browsers come by TLS.
    """

    token: str
    names: frozenset[str] = frozenset()
    secure: bool = False

    @property
    def cookie(self) -> str:
        """What a browser shows after the exchange; the token cannot be worked out from it."""
        return hmac.new(self.token.encode(), b"v2s serve cookie", hashlib.sha256).hexdigest()

    def is_token(self, shown: str) -> bool:
        """True for the token; takes equally long for every wrong one."""
        return hmac.compare_digest(shown.encode(), self.token.encode())

    def is_cookie(self, shown: str) -> bool:
        """True for the cookie; takes equally long for every wrong one."""
        return hmac.compare_digest(shown.encode(), self.cookie.encode())

    def goes_by(self, host: str) -> bool:
        """True for a Host header that is ours: figures cannot be rebound, names must be known."""
        found = _HOST.fullmatch(host)
        name = found[1].lower() if found else ""
        ours = {"localhost", *(each.lower() for each in self.names)}
        return name in ours or _address(name) is not None

    def is_own_page(self, origin: str, host: str) -> bool:
        """True when the Origin of a websocket is the page that this server gave under that Host."""
        return origin == f"{'https' if self.secure else 'http'}://{host}"
