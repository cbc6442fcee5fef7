"""The lines that a batch report is made of: one fact of the record each, before any format."""

from dataclasses import dataclass
from datetime import datetime

from v2s_tui.domain.planning.stages import JobStatus, Stage

PROVEN, UNPROVEN = "proven here", "unproven"


@dataclass(frozen=True, slots=True)
class GuestChanges:
    """What the manifest of a guest says. paths: files changed, each once. warnings: for an operator."""

    paths: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuestLine:
    """What was done to one guest. changes: None when its manifest is not there any more. rehearsal: the level
    it reached, how fast and on what, "" when none ran. manifest: path of the full list.
    """

    vm: str
    boot: str
    rehearsal: str
    changes: GuestChanges | None
    manifest: str


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One fact that a stage left for the record."""

    vm: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class VmLine:
    """One VM.

    seconds: from its start to its end. monthly_eur: None unknown. moved_bytes: what its stages moved. boot:
    PROVEN when the copy booted here before it was sent.
    """

    name: str
    wave: str
    status: JobStatus
    target_type: str
    zone: str
    os_family: str
    seconds: float
    stage: str = ""
    error: str = ""
    cause: str = ""
    fix: str = ""
    detail: str = ""
    note: str = ""
    image_id: str = ""
    server_id: str = ""
    public_ip: str = ""
    boot_level: str = ""
    boot: str = UNPROVEN
    moved_bytes: int = 0
    attempts: int = 0
    monthly_eur: float | None = None


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage over all complete VMs. rate_bytes: bytes per second of its main work, 0 when it moves none.

    forecast_seconds: mean that was forecast, None when nothing was.
    """

    stage: Stage
    count: int
    mean_seconds: float
    min_seconds: float
    max_seconds: float
    moved_bytes: int = 0
    rate_bytes: float = 0.0
    forecast_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RetryLine:
    """Something that was tried again. who: "" when v2s did by itself."""

    vm: str
    at: datetime
    stage: str
    title: str
    who: str


@dataclass(frozen=True, slots=True)
class DiskLine:
    """What one disk became, with its evidence.

    stream_sha1: of the stream as the ESXi host sent it. object_etag: Object Storage's own digest. manifest:
    file with the digest of every cluster, for `v2s disk verify`.
    """

    vm: str
    index: int
    capacity_bytes: int
    file: str
    file_bytes: int
    sha256: str
    tool: str
    object_key: str
    object_bytes: int
    snapshot_id: str
    volume_id: str
    stream_sha1: str = ""
    object_etag: str = ""
    manifest: str = ""
