"""vSphere faults to our errors: the fault's TYPE decides, never its text, which differs by server."""

from collections.abc import Iterator
from contextlib import contextmanager

from v2s_tui.adapters.vsphere.values import Parts, Value, clean, kind_of, many, moref_of, parts_of, text_of
from v2s_tui.domain.errors import LeaseFailed, QuiesceFailed, SessionExpired, SourceError

NOT_AUTHENTICATED = "NotAuthenticated"
_QUIESCING = "FilesystemQuiesceFault"
GONE = "ManagedObjectNotFound"
AT_WORK = "TaskInProgress"
BUSY = frozenset({AT_WORK, "MethodDisabled"})
"""While a lease is open, vCenter disables methods of its VM: even the lease of a client that was killed."""
QUIESCE_FAULTS = frozenset({"ApplicationQuiesceFault", _QUIESCING})


class VimFault(Exception):
    """A fault as vSphere raised it; stays inside this package.

    kind: type name, `InvalidPowerState`. message: the server's own words. subject: id of the object it is
    about, privilege: the one that is lacking, name: of an unknown property, where the fault says so.
    """

    def __init__(
        self, kind: str, message: str = "", *, subject: str = "", privilege: str = "", name: str = ""
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind or "SystemError"
        self.message = clean(message)
        self.subject = subject
        self.privilege = privilege
        self.name = name


class VimFaultError(SourceError):
    """vCenter refused. kind: the fault's type, for callers in this package that go on differently."""

    transient = False

    def __init__(self, title: str, *, hint: str, kind: str) -> None:
        super().__init__(title, hint=hint)
        self.kind = kind
        self.transient = kind in _TRANSIENT


_TRANSIENT = {AT_WORK, "Timedout", "HostCommunication", "ConcurrentAccess", "ResourceInUse"}

_SENTENCES: dict[str, tuple[str, str]] = {
    NOT_AUTHENTICATED: ("the session is not logged in", "Retry"),
    GONE: ("the object does not exist at vCenter any more", "Read the inventory again"),
    "TaskInProgress": ("another task is running on the VM", "Wait for it in vCenter's tasks, then retry"),
    "NoPermission": (
        "the vCenter account lacks a privilege",
        "Grant it on the VM and its folder; `v2s doctor` names all that are missing",
    ),
    "InvalidPowerState": ("the VM's power state does not allow it", "Read the inventory again, then retry"),
    "InvalidState": ("the state of the VM or its host does not allow it", "Is the host in maintenance mode?"),
    "MethodDisabled": (
        "vCenter has disabled this operation on the VM",
        "Another product (backup, replication) holds the VM, or an export is open; release it there",
    ),
    "ToolsUnavailable": ("VMware Tools is not running in the guest", "Start VMware Tools, or power off hard"),
    "ApplicationQuiesceFault": (
        "the guest's applications could not be quiesced",
        "Take the snapshot without quiescing, or repair VSS or the scripts of VMware Tools",
    ),
    "FilesystemQuiesceFault": (
        "the guest's file systems could not be quiesced",
        "Take the snapshot without quiescing, or look at VMware Tools in the guest",
    ),
    "SnapshotFault": ("the snapshot failed", "Check the datastore's free space and the VM's disks"),
    "SnapshotDisabled": ("snapshots are disabled on this VM", "Remove `snapshot.maxSnapshots=0` from the VM"),
    "SnapshotIncompatibleDeviceInVm": (
        "a device of the VM forbids snapshots",
        "Independent, physical RDM and shared disks or passthrough devices do; remove it, or migrate cold",
    ),
    "SnapshotLocked": ("a snapshot of the VM is locked", "Another product holds it; release it there"),
    "TooManySnapshotLevels": ("the VM has too many snapshot levels", "Consolidate its snapshots first"),
    "NoDiskSpace": ("the datastore is full", "Free space on the datastore"),
    "FileLocked": ("a file of the VM is locked", "Another host or product has it open; release it there"),
    "FileFault": ("a file of the VM cannot be used", "Check the datastore and the VM's disks"),
    "InsufficientResourcesFault": ("the cluster has no room to run the VM", "Free CPU or memory there"),
    "HostNotConnected": ("the VM's ESXi host is not connected", "Reconnect the host in vCenter"),
    "HostCommunication": ("vCenter cannot reach the VM's ESXi host", "Check the host, then retry"),
    "DisallowedOperationOnFailoverHost": ("the VM is on a failover host", "Move the VM to another host"),
    "RestrictedVersion": ("the licence of the ESXi host forbids it", "The free edition has a read-only API"),
    "NotSupported": ("the server does not support it", "Another version of ESXi or vCenter may do it"),
    "MethodNotFound": ("the server does not know this operation", "Is it a vCenter of version 6.5 or later?"),
    "Timedout": ("it timed out at vCenter", "Retry when vCenter and the host are less busy"),
    "ConcurrentAccess": ("somebody changed the VM at the same time", "Retry"),
    "TaskCanceled": ("somebody cancelled the task in vCenter", "Ask who, then retry"),
    "RequestCanceled": ("somebody cancelled the task in vCenter", "Ask who, then retry"),
}  # fmt: skip


def from_soap(parts: Parts) -> VimFault:
    """The fault of a SOAP `Fault` body: its detail's child carries the type."""
    for name, detail in parts_of(parts.get("detail")).items():
        if not name.startswith("@"):
            kind = kind_of(detail) or name.removesuffix("Fault")
            return _described(kind, text_of(parts.get("faultstring")), parts_of(detail))
    return VimFault("SystemError", text_of(parts.get("faultstring")))


def from_localized(value: Value | None) -> VimFault:
    """The fault of a LocalizedMethodFault property, such as `info.error` of a task."""
    parts = parts_of(value)
    inner = parts.get("fault", value)
    kind = _QUIESCING if _tells_of_quiescing(parts_of(inner)) else kind_of(inner)
    return _described(kind, text_of(parts.get("localizedMessage")), parts_of(inner))


def _tells_of_quiescing(fault: Parts) -> bool:
    """vSphere wraps many quiesce failures in a generic fault; the keys of its messages tell, untranslated."""
    keys = (text_of(parts_of(message).get("key")) for message in many(fault.get("faultMessage")))
    return any("quiesc" in key.lower() for key in keys)


def from_pyvmomi(fault: Exception) -> VimFault:
    """The fault of a pyVmomi exception, as plain data: pyVmomi's cannot be pickled and must not travel."""
    return VimFault(
        type(fault).__name__.rpartition(".")[2],
        str(getattr(fault, "msg", None) or getattr(fault, "localizedMessage", None) or ""),
        subject=str(getattr(getattr(fault, "obj", None), "_moId", "")),
        privilege=str(getattr(fault, "privilegeId", None) or ""),
    )


def _described(kind: str, message: str, parts: Parts) -> VimFault:
    return VimFault(
        kind,
        message,
        subject=moref_of(parts.get("obj")),
        privilege=text_of(parts.get("privilegeId")),
        name=text_of(parts.get("name")),
    )


def error_of(fault: VimFault, doing: str) -> SourceError:
    """The error to raise. doing: what failed and on what, `Snapshot of web-01` (begins the title)."""
    if fault.kind == NOT_AUTHENTICATED:
        return SessionExpired(f"{doing}: the vCenter session ended", hint="Retry")
    reason, hint = _SENTENCES.get(fault.kind) or _unknown(fault)
    if fault.privilege:
        reason = f"{reason}: {fault.privilege}"
    if fault.kind in QUIESCE_FAULTS:
        return QuiesceFailed(f"{doing}: {reason}", hint=hint)
    return VimFaultError(f"{doing}: {reason}", hint=hint, kind=fault.kind)


@contextmanager
def told_as(doing: str) -> Iterator[None]:
    """Faults that leave the context become our errors."""
    try:
        yield
    except VimFault as fault:
        raise error_of(fault, doing) from fault


def lease_error_of(fault: VimFault, doing: str) -> LeaseFailed:
    """The same for a lease that went to error, or that the session does not have (any more)."""
    if fault.kind == GONE:
        return lease_gone(doing)
    reason, hint = _SENTENCES.get(fault.kind) or _unknown(fault)
    return LeaseFailed(f"{doing}: {reason}", hint=hint)


def lease_gone(doing: str) -> LeaseFailed:
    """A lease that vCenter does not know any more, or not in this session."""
    return LeaseFailed(
        f"{doing}: the lease ended at vCenter, by itself or with its session",
        hint="Retry; the disk is read again from its beginning",
    )


def _unknown(fault: VimFault) -> tuple[str, str]:
    said = f" ({fault.message})" if fault.message else ""
    return f"vCenter answered {fault.kind}{said}", "The VM's recent tasks in vCenter say more"
