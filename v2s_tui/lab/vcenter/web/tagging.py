"""The REST face: sessions and tagging, in the new form (/api) and the old one (/rest).

The old form wraps answers in `value` and creations in `create_spec`, and writes `~action` and `id:`.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from v2s_tui.lab.faults import FaultRules
from v2s_tui.lab.vcenter.sessions import Sessions
from v2s_tui.lab.vcenter.tags import Tag, Tags
from v2s_tui.lab.vcenter.web.connection import Connection
from v2s_tui.lab.vcenter.world import World

_SESSION_HEADER = "vmware-api-session-id"
_OLD_ROOT, _NEW_ROOT = "/rest/com/vmware/cis", "/api/cis"


class RefusedError(Exception):
    """The call ends with this status and error type."""

    def __init__(self, status: HTTPStatus, error_type: str) -> None:
        super().__init__(error_type)
        self.status, self.error_type = status, error_type

    def document(self, *, old: bool) -> dict[str, Any]:
        """The error as either form writes it."""
        error: dict[str, Any] = {"error_type": self.error_type, "messages": []}
        return {"type": self.error_type, "value": error} if old else error


@dataclass(frozen=True, slots=True)
class RestCall:
    """A call, the same whichever form it came in. path: below `cis/tagging/`, without the root."""

    verb: str
    path: list[str]
    action: str
    document: dict[str, Any]


class RestPages:
    """Answers /api and /rest."""

    def __init__(self, world: World, sessions: Sessions, tags: Tags, faults: FaultRules) -> None:
        self._world, self._sessions, self._tags, self._faults = world, sessions, tags, faults

    def handle(self, connection: Connection, target: str) -> None:
        """Answer one call."""
        parts = urlsplit(target)
        body = connection.body()
        fault = self._faults.match(server="vcenter", operation=f"{connection.command} {parts.path}")
        if fault is not None and connection.reply_fault(fault):
            return
        old = parts.path.startswith("/rest/")
        try:
            status, answer = self._answer(connection, parts.path, parse_qs(parts.query), body)
        except RefusedError as refused:
            connection.reply_json(refused.document(old=old), status=refused.status)
            return
        if answer is None:
            connection.reply(HTTPStatus.OK if old else HTTPStatus.NO_CONTENT)
        else:
            status = HTTPStatus.OK if old else status
            connection.reply_json({"value": answer} if old else answer, status=status)

    def _answer(
        self, connection: Connection, path: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[HTTPStatus, Any]:
        if path in ("/api/session", f"{_OLD_ROOT}/session"):
            return self._session(connection)
        session = self._sessions.find(connection.headers.get(_SESSION_HEADER))
        if session is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED")
        session.used()
        call = _parse(connection.command, path, query, body)
        with self._world.lock:
            return self._tagging(call)

    def _session(self, connection: Connection) -> tuple[HTTPStatus, Any]:
        if connection.command == "POST":
            user_name, password = _basic_credentials(connection.headers.get("Authorization", ""))
            session = self._sessions.login(user_name, password, address=connection.client_address[0])
            if session is None:
                raise RefusedError(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED")
            return HTTPStatus.CREATED, session.cookie
        known = self._sessions.find(connection.headers.get(_SESSION_HEADER))
        if known is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED")
        if connection.command == "DELETE":
            self._sessions.end(known)
            return HTTPStatus.NO_CONTENT, None
        return HTTPStatus.OK, {"user": known.user_name}

    def _tagging(self, call: RestCall) -> tuple[HTTPStatus, Any]:
        handlers: dict[str, Callable[[RestCall], Any]] = {
            "tag": self._tag,
            "category": self._category,
            "tag-association": self._association,
        }
        handler = handlers.get(call.path[0] if call.path else "")
        if handler is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "NOT_FOUND")
        try:
            answer = handler(call)
        except KeyError as err:
            raise RefusedError(HTTPStatus.NOT_FOUND, "NOT_FOUND") from err
        except ValueError as err:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "ALREADY_EXISTS") from err
        created = call.verb == "POST" and len(call.path) == 1 and not call.action
        return (HTTPStatus.CREATED if created else HTTPStatus.OK), answer

    def _tag(self, call: RestCall) -> Any:
        tags = self._tags
        if call.verb == "POST" and call.action == "list-tags-for-category":
            return [tag.id for tag in tags.tags.values() if tag.category_id == call.path[1]]
        if call.verb == "POST":
            document = call.document
            return tags.add_tag(document["name"], document["category_id"], document.get("description", "")).id
        if len(call.path) == 1:
            return list(tags.tags)
        if call.verb == "DELETE":
            del tags.tags[call.path[1]]
            return None
        return _tag_document(tags.tags[call.path[1]])

    def _category(self, call: RestCall) -> Any:
        categories = self._tags.categories
        if call.verb == "POST":
            document = call.document
            cardinality = document.get("cardinality", "MULTIPLE")
            description = document.get("description", "")
            return self._tags.add_category(document["name"], description, cardinality).id
        if len(call.path) == 1:
            return list(categories)
        if call.verb == "DELETE":
            del categories[call.path[1]]
            return None
        return {**asdict(categories[call.path[1]]), "associable_types": [], "used_by": []}

    def _association(self, call: RestCall) -> Any:
        """Attach, detach, and the listings in both directions."""
        document = call.document
        if call.action == "list-attached-tags-on-objects":
            return [self._tags_on(object_id) for object_id in document["object_ids"]]
        if call.action == "list-attached-tags":
            return [tag.id for tag in self._tags.of(document["object_id"]["id"])]
        if call.action == "list-attached-objects-on-tags":
            return [
                {"tag_id": tag_id, "object_ids": _objects(self._tags.tags[tag_id])}
                for tag_id in document["tag_ids"]
            ]
        tag = self._tags.tags[call.path[1]]
        if call.action == "list-attached-objects":
            return _objects(tag)
        moid = document["object_id"]["id"]
        if call.action == "attach":
            self._world.entities[moid]  # KeyError where there is no such object
            tag.attached[moid] = document["object_id"]["type"]
        elif call.action == "detach":
            tag.attached.pop(moid, None)
        else:
            raise KeyError(call.action)
        return None

    def _tags_on(self, object_id: dict[str, str]) -> dict[str, Any]:
        return {"object_id": object_id, "tag_ids": [tag.id for tag in self._tags.of(object_id["id"])]}


def _parse(verb: str, path: str, query: dict[str, list[str]], body: bytes) -> RestCall:
    """Bring both forms into one. Raises RefusedError for a bad body or a path outside tagging."""
    root = _OLD_ROOT if path.startswith("/rest/") else _NEW_ROOT
    below = path.removeprefix(f"{root}/tagging/")
    if below == path:
        raise RefusedError(HTTPStatus.NOT_FOUND, "NOT_FOUND")
    action = (query.get("action") or query.get("~action") or [""])[0]
    try:
        document = json.loads(body) if body else {}
    except ValueError as err:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT") from err
    names = [unquote(name).removeprefix("id:") for name in below.strip("/").split("/")]
    return RestCall(verb, names, action, document.get("create_spec", document))


def _basic_credentials(header: str) -> tuple[str, str]:
    try:
        user_name, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user_name, password


def _tag_document(tag: Tag) -> dict[str, Any]:
    return {
        "id": tag.id,
        "name": tag.name,
        "category_id": tag.category_id,
        "description": tag.description,
        "used_by": [],
    }


def _objects(tag: Tag) -> list[dict[str, str]]:
    return [{"id": moid, "type": kind} for moid, kind in tag.attached.items()]
