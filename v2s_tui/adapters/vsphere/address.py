"""Where a vCenter is and how it is trusted: plain facts, no connection yet."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    connect: for TCP and TLS. call: for any one answer. task: for a task's end. busy: how long a VM that is
    busy with another task is tried again; longer than vCenter keeps the lease of a client that was killed,
    because that lease blocks the VM too. lease_ready: for an NFC lease to leave `initializing`.
    heartbeat: between two signs of life of a lease, at most (vCenter gives up after 300 without one; a server
    that gives up sooner gets them at a third of its time).
    """

    connect: float = 15
    call: float = 120
    task: float = 3600
    busy: float = 330
    lease_ready: float = 300
    heartbeat: float = 30


@dataclass(frozen=True, slots=True)
class VcenterAddress:
    """A vCenter, or a single ESXi host.

    password: asked for at each login, so that it lives nowhere else. ca_file: PEM of the authority ("" the
    system's own). thumbprint: SHA-1 or SHA-256 of the server's certificate, with or without colons; it
    replaces the authority. insecure: verify nothing.
    """

    host: str
    username: str
    password: Callable[[], str] = field(repr=False)
    port: int = 443
    ca_file: str = ""
    thumbprint: str = ""
    insecure: bool = False
    timeouts: Timeouts = Timeouts()

    @property
    def netloc(self) -> str:
        """`host:port` as a URL writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
