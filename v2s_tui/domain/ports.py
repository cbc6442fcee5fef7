"""The doors to the world as engine and use cases see them: small Protocols, described by their errors.

All are plain blocking calls made from worker threads. Adapters raise only errors of domain/errors.py. Fakes
of each port live in tests/fakes and are maintained like adapters.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from v2s_tui.domain.execution.artifacts import FileEvidence, UploadedPart
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.guest.changes import ChangeRecord
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal
from v2s_tui.domain.guest.network import NicPlan
from v2s_tui.domain.planning.reachability import Probe
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import PowerState, Vm
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.private_networks import PrivateNetwork
from v2s_tui.domain.target.sizing import MeasuredUse


class Clock(Protocol):
    """Time, so that tests can hold it still."""

    def now(self) -> datetime:
        """Current time, timezone aware (UTC)."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        ...


# --- source -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DiskStream:
    """One disk that an NFC lease offers for reading. Plain data: a child process can open it.

    url: with the host to dial. thumbprint: SHA-1 of that host's certificate, colon separated ("" unknown).
    device_key: the disk's key in the VM's hardware. capacity_bytes: virtual size. ca_file/insecure: TLS
    settings.
    """

    url: str
    thumbprint: str
    device_key: int
    capacity_bytes: int
    ca_file: str = ""
    insecure: bool = False


class ExportLease(Protocol):
    """An open NFC lease, kept alive by its own heartbeat until closed."""

    disks: tuple[DiskStream, ...]

    def report_progress(self, percent: int) -> None:
        """Tell vCenter how far we are (sent with the next heartbeat)."""
        ...

    def stream_digests(self) -> Mapping[int, tuple[str, str]]:
        """Digest of each finished stream by device key as the lease's manifest has it: (`sha1`|`sha256`,
        hex).

        Empty where the server offers none. Ask after reading and before completing.
        """
        ...

    def complete(self) -> None:
        """Everything was read; raises LeaseFailed when the lease had gone to error meanwhile."""
        ...

    def abort(self, reason: str) -> None:
        """Give up; never raises."""
        ...


class Source(Protocol):
    """A vCenter. Errors: SourceUnreachable, LoginRefused, SessionExpired, LeaseFailed, SourceError."""

    name: str

    def inventory(self, on_page: Callable[[tuple[Vm, ...]], None] | None = None) -> Inventory:
        """All VMs with list properties; on_page gets each page as it arrives."""
        ...

    def with_details(self, vms: Iterable[Vm]) -> tuple[Vm, ...]:
        """The same VMs with disks, NICs, snapshots and tags read now; a VM that is gone is left out."""
        ...

    def power_state(self, vm_moref: str) -> PowerState: ...

    def shut_down_guest(self, vm_moref: str, *, timeout_seconds: float, hard_after_timeout: bool) -> None:
        """Ask the guest to shut down and wait; SourceError when it did not and hard power-off is not
        allowed.
        """
        ...

    def power_on(self, vm_moref: str) -> None: ...

    def power_off(self, vm_moref: str) -> None: ...

    def find_snapshot(self, vm_moref: str, name: str) -> str | None:
        """moref of the VM's snapshot of that name."""
        ...

    def create_snapshot(self, vm_moref: str, name: str, *, description: str, quiesce: bool) -> str:
        """Take a snapshot without memory, wait for the task, return its moref."""
        ...

    def remove_snapshot(self, vm_moref: str, snapshot_moref: str) -> None:
        """Remove one snapshot and consolidate; succeeds when it is already gone."""
        ...

    def snapshots_named(self, prefix: str) -> tuple[tuple[Vm, str, str, datetime | None], ...]:
        """(VM, snapshot moref, name, created) of every snapshot whose name begins so: for leftovers."""
        ...

    def open_lease(self, vm_moref: str, snapshot_moref: str | None) -> AbstractContextManager[ExportLease]:
        """ExportSnapshot, or ExportVm of a powered-off VM when snapshot_moref is None; waits until ready.

        Leaving the context without complete() aborts the lease.
        """
        ...

    def tag_vm(self, vm_moref: str, tag: str) -> None:
        """Attach a tag of category `v2s`, made when missing."""
        ...

    def missing_privileges(self, vm_morefs: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Privileges v2s needs and does not have, by VM moref; empty when all is well."""
        ...

    def measured_use(self, vm_morefs: Iterable[str], *, days: int = 7) -> Mapping[str, MeasuredUse]:
        """95th percentiles of CPU and active memory by VM moref; VMs without statistics are left out."""
        ...

    def close(self) -> None:
        """Log out; never raises."""
        ...


class Prober(Protocol):
    """Whether a machine answers this host. Raises nothing: what went wrong is the answer."""

    def probe(self, address: str, probe: Probe, *, timeout_seconds: float) -> str:
        """ "" when it answers, else why not in a few words."""
        ...


# --- disks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReceivedDisk:
    """A stream that became a local qcow2. received_bytes: of the stream. data_bytes: virtual bytes with
    content.

    stream_sha1: hex digest of the stream as received. manifest_path: per-cluster digests ("" none).
    """

    base: FileEvidence
    virtual_size_bytes: int
    received_bytes: int
    data_bytes: int
    stream_sha1: str
    manifest_path: str = ""


class Disks(Protocol):
    """Local disk work. Errors: LeaseFailed (broken stream), ToolError, WorkDiskFull, Cancelled."""

    def receive(
        self, stream: DiskStream, target: Path, *, progress: StageProgress, cancelled: threading.Event
    ) -> ReceivedDisk:
        """Read the whole stream into a new qcow2 at target; nothing is left there when it fails."""
        ...

    def check(self, path: Path) -> str:
        """`qemu-img check`; returns the tool's version, raises ToolError when the image is damaged."""
        ...

    def make_overlay(self, base: Path, overlay: Path, *, virtual_size_bytes: int) -> FileEvidence:
        """A new qcow2 whose backing file is base; it may be larger than its base."""
        ...

    def flatten(
        self, overlay: Path, target: Path, *, progress: StageProgress, cancelled: threading.Event
    ) -> FileEvidence:
        """One self-contained qcow2 (zlib clusters, no backing file) of an overlay and its base."""
        ...

    def free_bytes(self, folder: Path) -> int: ...


@dataclass(frozen=True, slots=True)
class GuestWork:
    """What one guest stage did. records: every file changed, with where its previous version is saved.

    warnings: what an operator should know. proven: False where nothing here can show that it boots.
    """

    records: tuple[ChangeRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    proven: bool = True


class Guests(Protocol):
    """Work inside guests, on qcow2 overlays with the boot disk first.

    on_step gets one line for each step. A repeated call finds its work done and changes nothing. Errors:
    GuestRefused, InputError (drivers), ToolError, Cancelled.
    """

    def adapt_linux(
        self,
        disks: Sequence[Path],
        nics: Sequence[NicPlan],
        *,
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """Drivers, device names, network, console, VMware tools: everything in the guest's own files."""
        ...

    def ensure_uefi(
        self,
        disks: Sequence[Path],
        nics: Sequence[NicPlan],
        *,
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """An ESP with a boot loader on the removable path, the partition table converted where needed."""
        ...

    def clean_tools(self, disks: Sequence[Path], *, cancelled: threading.Event) -> GuestWork:
        """Windows: VMware's services disabled."""
        ...

    def inject_virtio(self, disks: Sequence[Path], *, cancelled: threading.Event) -> GuestWork:
        """Windows: the operator's virtio drivers registered and staged."""
        ...

    def fix_bootloader(self, disks: Sequence[Path], *, scratch: Path) -> GuestWork:
        """Windows: its boot manager on the removable path of its ESP."""
        ...

    def rehearse(
        self,
        disks: Sequence[Path],
        *,
        required: EvidenceLevel,
        timeout_seconds: float,
        folder: Path,
        source_mac: str,
        on_level: Callable[[EvidenceLevel], None],
        cancelled: threading.Event,
    ) -> Rehearsal:
        """Boot the disks on a throw-away layer; a boot that fails is a result, not an error."""
        ...


# --- Object Storage -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as HEAD or LIST tells it."""

    key: str
    size_bytes: int
    etag: str
    last_modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    upload_id: str
    initiated_at: datetime | None = None


class ObjectStore(Protocol):
    """Transit storage. Errors: StorageError, StorageUnavailable, NotFound, Cancelled."""

    def ensure_bucket(self, bucket: str) -> bool:
        """Make the bucket private in the configured region when it is missing; True when it was made."""
        ...

    def head(self, bucket: str, key: str) -> StoredObject | None: ...

    def list_objects(self, bucket: str, prefix: str) -> tuple[StoredObject, ...]: ...

    def list_uploads(self, bucket: str, prefix: str) -> tuple[OpenUpload, ...]: ...

    def begin_upload(self, bucket: str, key: str) -> str:
        """Start a multipart upload; returns its id."""
        ...

    def list_parts(self, bucket: str, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        """Parts the server has; raises NotFound when the upload does not exist (any more)."""
        ...

    def upload_file(
        self,
        path: Path,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        progress: StageProgress,
        cancelled: threading.Event,
    ) -> StoredObject:
        """Send the parts the server does not have yet, complete, and compare size and checksums."""
        ...

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Succeeds when it is already gone."""
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Succeeds when it is already gone."""
        ...

    def close(self) -> None:
        """Let go of connections; never raises."""
        ...


# --- Scaleway -----------------------------------------------------------------------------------------------


class CloudState(StrEnum):
    """State of a Scaleway resource, reduced to what decides: the API's own word is in
    CloudResource.status.
    """

    PENDING = "pending"
    READY = "ready"
    IN_USE = "in_use"
    RUNNING = "running"
    STOPPED = "stopped"
    ERROR = "error"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class CloudResource:
    """A snapshot, volume, image, IP, private NIC or Instance. size_bytes: 0 where it has none.

    attached_to: id of the Instance or parent that uses it. address: of an IP. volumes: of an Instance in
    order.
    """

    id: str
    name: str
    state: CloudState
    status: str
    zone: str
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    created_at: datetime | None = None
    attached_to: str = ""
    address: str = ""
    commercial_type: str = ""
    volumes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    private_nics: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InstanceRequest:
    """What create_instance asks for. volume_ids in boot order; ip_ids: flexible IPs to attach."""

    zone: str
    name: str
    commercial_type: str
    volume_ids: tuple[str, ...]
    tags: tuple[str, ...]
    ip_ids: tuple[str, ...] = ()
    security_group_id: str = ""
    placement_group_id: str = ""
    cloud_init: str = ""
    admin_password_key_id: str = ""


class Cloud(Protocol):
    """Scaleway. Errors: TargetError and its kinds. Every create carries tags; find_* are by tag
    (idempotency).

    `kind` is one of: block_snapshot, volume, image, ip, instance, private_nic (EffectKind values).
    """

    def catalogue(self, zone: str) -> Catalogue:
        """Types of the zone with prices and stock, all pages."""
        ...

    def quotas(self) -> Mapping[str, int]:
        """Quota name -> limit (-1 unlimited) for the organisation."""
        ...

    def usage(self, zone: str) -> Mapping[str, int]:
        """How many Instances of each commercial type, and `volumes`, `ips`... exist in the zone."""
        ...

    def check_access(self) -> tuple[str, ...]:
        """Harmless calls that prove key, project and rights; returns one sentence per thing that is
        missing.
        """
        ...

    def private_networks(self, zone: str) -> tuple[PrivateNetwork, ...]:
        """Private Networks of the project in the zone's region."""
        ...

    def import_snapshot(
        self,
        zone: str,
        *,
        bucket: str,
        key: str,
        name: str,
        tags: tuple[str, ...],
        size_bytes: int | None = None,
    ) -> CloudResource: ...

    def create_volume(
        self, zone: str, *, snapshot_id: str, name: str, tags: tuple[str, ...], perf_iops: int
    ) -> CloudResource: ...

    def create_image(
        self,
        zone: str,
        *,
        name: str,
        root_snapshot_id: str,
        extra_snapshot_ids: tuple[str, ...],
        tags: tuple[str, ...],
    ) -> CloudResource: ...

    def create_ip(self, zone: str, *, tags: tuple[str, ...]) -> CloudResource: ...

    def create_instance(self, request: InstanceRequest) -> CloudResource:
        """A stopped Instance with its volumes in boot order and its cloud-init."""
        ...

    def set_cloud_init(self, zone: str, instance_id: str, text: str) -> None:
        """Give an Instance its cloud-init (again); for one that was adopted before it had any."""
        ...

    def create_private_nic(
        self,
        zone: str,
        *,
        instance_id: str,
        private_network_id: str,
        address: str | None,
        tags: tuple[str, ...],
    ) -> CloudResource: ...

    def instance_action(self, zone: str, instance_id: str, action: str) -> None:
        """`poweron`, `poweroff`, `terminate`."""
        ...

    def get(self, kind: str, zone: str, resource_id: str) -> CloudResource | None:
        """The resource now; None when it does not exist. A private NIC's id is `{instance}/{nic}`."""
        ...

    def find(self, kind: str, zone: str, tag: str) -> tuple[CloudResource, ...]:
        """Resources of that kind carrying the tag; an empty tag finds everything tagged `v2s:...`."""
        ...

    def delete(self, kind: str, zone: str, resource_id: str) -> None:
        """Succeeds when it is already gone. An Instance must be stopped; its volumes are kept (detached)."""
        ...

    def close(self) -> None:
        """Let go of connections; never raises."""
        ...

    def monthly_prices(self, zone: str) -> Mapping[str, float]:
        """EUR per month: `block_gb`, `block_gb_15k`, `snapshot_gb`, `ipv4`, `object_gb`."""
        ...
