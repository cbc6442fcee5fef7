"""Which path goes where, on the vCenter's own port and on a host's NFC port."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import yaml

from v2s_tui.lab.faults import FaultFileError, FaultRules
from v2s_tui.lab.vcenter.dispatch import Dispatcher
from v2s_tui.lab.vcenter.soap import API_VERSION
from v2s_tui.lab.vcenter.web.connection import SESSION_COOKIE, Connection
from v2s_tui.lab.vcenter.web.datastore_files import DatastorePages
from v2s_tui.lab.vcenter.web.nfc import NfcPages
from v2s_tui.lab.vcenter.web.tagging import RestPages

_PRIOR_VERSIONS = ("8.0.2.0", "8.0.1.0", "8.0.0.1", "7.0.3.2", "7.0.3.0", "7.0", "6.7.3", "6.7", "6.5", "6.0")
_VERSIONS_PAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<namespaces version="1.0"><namespace><name>urn:vim25</name>'
    f"<version>{API_VERSION}</version><priorVersions>"
    + "".join(f"<version>{version}</version>" for version in _PRIOR_VERSIONS)
    + "</priorVersions></namespace></namespaces>"
).encode()


@dataclass(frozen=True, slots=True)
class Pages:
    """Everything the vCenter's port serves. state: the document of /lab/state."""

    dispatcher: Dispatcher
    nfc: NfcPages
    files: DatastorePages
    rest: RestPages
    faults: FaultRules
    state: Callable[[], dict[str, Any]]


def vcenter_handler(pages: Pages) -> type[Connection]:
    """The request handler of the vCenter's port."""

    class VCenterConnection(Connection):
        def do_GET(self) -> None:  # noqa: N802  # the base class's name
            path = urlsplit(self.path).path
            if path == "/sdk/vimServiceVersions.xml":
                self.reply(HTTPStatus.OK, _VERSIONS_PAGE)
            elif path.startswith("/nfc/"):
                pages.nfc.get(self, path)
            elif path.startswith("/folder/"):
                pages.files.get(self, self.path)
            elif path == "/lab/state":
                self.reply_json(pages.state())
            elif path.startswith(("/api/", "/rest/")):
                pages.rest.handle(self, self.path)
            else:
                self.reply(HTTPStatus.NOT_FOUND)

        def do_HEAD(self) -> None:  # noqa: N802  # the base class's name
            if self.path.startswith("/folder/"):
                pages.files.get(self, self.path)
            else:
                self.reply(HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:  # noqa: N802  # the base class's name
            path = urlsplit(self.path).path
            if path == "/sdk":
                _soap(self, pages.dispatcher)
            elif path.startswith(("/api/", "/rest/")):
                pages.rest.handle(self, self.path)
            else:
                self.body()
                self.reply(HTTPStatus.NOT_FOUND)

        def do_DELETE(self) -> None:  # noqa: N802  # the base class's name
            pages.rest.handle(self, self.path)

        def do_PUT(self) -> None:  # noqa: N802  # the base class's name
            body = self.body()
            if self.path == "/lab/faults":
                _replace_faults(self, pages.faults, body)
            else:
                self.reply(HTTPStatus.NOT_FOUND)

    return VCenterConnection


def host_handler(nfc: NfcPages) -> type[Connection]:
    """The request handler of an ESXi host's NFC port."""

    class HostConnection(Connection):
        def do_GET(self) -> None:  # noqa: N802  # the base class's name
            nfc.get(self, urlsplit(self.path).path)

    return HostConnection


def _soap(connection: Connection, dispatcher: Dispatcher) -> None:
    reply, session = dispatcher.answer(
        connection.body(),
        cookie=connection.cookie(),
        address=str(connection.client_address[0]),
        user_agent=connection.headers.get("User-Agent", ""),
    )
    headers = dict(reply.headers)
    if session is not None:
        headers["Set-Cookie"] = f'{SESSION_COOKIE}="{session.cookie}"; Path=/; HttpOnly; Secure'
    connection.reply(reply.status, reply.body, headers=headers, fault=reply.fault)


def _replace_faults(connection: Connection, faults: FaultRules, body: bytes) -> None:
    """Put other fault rules in force while the lab runs; the body is a rule file."""
    try:
        loaded = FaultRules.parse(yaml.safe_load(body))
    except (yaml.YAMLError, FaultFileError) as err:
        connection.reply(HTTPStatus.BAD_REQUEST, str(err).encode(), content_type="text/plain")
        return
    faults.replace(rule for rule, _ in loaded.strikes())
    connection.reply_json({"rules": len(loaded.strikes())})
