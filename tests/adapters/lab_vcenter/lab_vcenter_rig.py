"""What the tests of the lab vCenter share: logins, waiting, downloads."""

import hashlib
import http.client
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

from v2s_tui.lab.tls import TlsFiles
from v2s_tui.lab.vcenter.server import VCenterServer

USER, PASSWORD = "administrator@vsphere.local", "pass wörd & <quotes>"


@dataclass
class Lab:
    """A running vCenter and what a test needs to talk to it."""

    server: VCenterServer
    tls: TlsFiles
    connections: list[Any] = field(default_factory=list)

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.tls.ca_file)

    def login(self) -> Any:
        """A new ServiceInstance."""
        instance = SmartConnect(
            host="127.0.0.1",
            port=self.server.port,
            user=USER,
            pwd=PASSWORD,
            sslContext=self.context,
            httpConnectionTimeout=20,
        )
        self.connections.append(instance)
        return instance

    def close(self) -> None:
        """Log out, close the connections pyVmomi keeps for later, and stop."""
        for instance in self.connections:
            Disconnect(instance)
            instance._stub.DropConnections()
        self.server.stop()

    def vm(self, content: Any, name: str) -> Any:
        """The first VM of that name."""
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        return next(vm for vm in view.view if vm.name == name)

    def http(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Any:
        """Status, headers and body of a request to the vCenter's own port."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.server.port, context=self.context, timeout=20
        )
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()


def wait_for(condition: Callable[[], Any], *, seconds: float = 10.0) -> Any:
    """Wait until the condition yields something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


def finish(task: Any) -> Any:
    """Wait for a task; its result, or its error raised."""
    wait_for(lambda: task.info.state in ("success", "error"))
    if task.info.state == "error":
        raise task.info.error
    return task.info.result


def ready(lease: Any) -> Any:
    """Wait until the lease is ready; its info."""
    wait_for(lambda: lease.state != "initializing")
    assert lease.state == "ready", lease.error
    return lease.info


def download(url: str, *, thumbprint: str | None = None) -> tuple[http.client.HTTPResponse, bytes]:
    """Fetch a lease URL as a client does that pins the host's certificate."""
    parts = urlsplit(url)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(str(parts.hostname), parts.port, context=context, timeout=20)
    try:
        connection.connect()
        if thumbprint is not None:
            assert _thumbprint_of(connection) == thumbprint
        connection.request("GET", parts.path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def _thumbprint_of(connection: http.client.HTTPSConnection) -> str:
    der = connection.sock.getpeercert(binary_form=True)
    digest = hashlib.sha1(der or b"", usedforsecurity=False).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, 40, 2))
