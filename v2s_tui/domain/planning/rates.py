"""How long a stage takes: measured rates where earlier batches left some, else documented defaults.

The defaults and where they come from (reference: field.md B, scaleway.md 1.7, 2.3, E4; seed-system.md A6):
export 100 MiB/s per VM and 253 MB/s per host (Forklift's published tests); the conversion host's network 200
MB/s each way (a POP2-8C-32G's 1.6 Gbit/s); conversion 200 MB/s and guest work 30 s Linux, 420 s Windows
(specification), 120 s more where an initramfs is rebuilt (guest.md section 0, emulated); import 160 s per
disk (108 and 212 s recorded); Instance 60 s (volume, NIC and power-on as recorded). Assumed, for want of a
source: half of a disk whose use is unknown holds data, and data shrinks to half when compressed. Measured
rates of export and upload are of what crossed the wire, compressed; the default of export is of the disk's
data.
"""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from v2s_tui.domain.execution.transfer import TransferChoice
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.units import MIB

DATA_SHARE = 0.5
COMPRESSED_SHARE = 0.5
LEAST_LEFT_SHARE = 0.05
"""Of an upload, when all else went out during the export: first and last part, changes of the guest, tables.
Assumed."""
LEAST_SAMPLE_BYTES = 64 * MIB
_FIXED_SECONDS = {
    "validate": 5.0,
    "shutdown_source": 60.0,
    "snapshot": 20.0,
    "adapt_guest": 30.0,
    "clean_tools": 60.0,
    "inject_virtio": 240.0,
    "fix_bootloader": 60.0,
    "ensure_uefi": 30.0,
    "rehearse_boot": 90.0,
    "import_scw": 5.0,
    "create_instance": 5.0,
    "verify": 10.0,
    "cleanup": 20.0,
}
_REBUILD_SECONDS = 120.0
VIRT_V2V_SECONDS = 200.0
"""Of a Debian, emulated: 125 to 227 s (reference: guest.md section 4); it runs in one of these stages."""
_VIRT_V2V_STAGES = frozenset({"adapt_guest", "clean_tools"})
_POLLING_SECONDS = {"import_scw": 160.0, "create_instance": 60.0}


@dataclass(frozen=True, slots=True)
class Duration:
    """held_seconds: with the stage's limits.

    polling_seconds: after them, waiting for Scaleway without any.
    """

    held_seconds: float
    polling_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes per second. measured: (stage, ESXi host or "") -> rate from earlier batches, the host's own
    first.
    """

    export_per_vm: float = 100 * MIB
    export_per_host: float = 253e6
    network: float = 200e6
    convert: float = 200e6
    upload_per_vm: float = 100e6
    import_rate: float = 100e6
    measured: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def duration(
        self,
        planned: PlannedVm,
        stage: str,
        *,
        sharing: int = 1,
        transfer: TransferChoice | None = None,
    ) -> Duration:
        """Time of one stage of one VM. sharing: how many run this stage now (on the same host for export).

        transfer: how its disks are moved; None: one stage after the other. What goes out during the export
        is no work of the upload; a disk that only passes through comes no faster than it goes.
        """
        alone = self._alone(planned, stage, sharing)
        if transfer is None or not transfer.overlap or stage not in {"export", "upload_s3"}:
            return alone
        if stage == "export":
            goes = self._alone(planned, "upload_s3", sharing).held_seconds if transfer.passing else 0.0
            return Duration(max(alone.held_seconds, goes))
        meanwhile = self.duration(planned, "export", sharing=sharing, transfer=transfer).held_seconds
        return Duration(max(alone.held_seconds * LEAST_LEFT_SHARE, alone.held_seconds - meanwhile))

    def _alone(self, planned: PlannedVm, stage: str, sharing: int) -> Duration:
        size = data_bytes(planned)
        whole = stage == "convert" or (stage == "export" and self._measured(planned, stage) is None)
        moved = size if whole else size * COMPRESSED_SHARE
        fixed, polling = _FIXED_SECONDS.get(stage, 0.0), _POLLING_SECONDS.get(stage, 0.0)
        if planned.by_virt_v2v and stage in _VIRT_V2V_STAGES:
            fixed += VIRT_V2V_SECONDS
        if stage == "adapt_guest" and planned.rebuilds_initramfs:
            fixed += _REBUILD_SECONDS
        if stage == "import_scw":
            return Duration(fixed, polling + moved / self._rate(planned, stage, self.import_rate))
        rate = self._shared_rate(planned, stage, sharing)
        return Duration(fixed + (moved / rate if rate else 0.0), polling)

    def _shared_rate(self, planned: PlannedVm, stage: str, sharing: int) -> float | None:
        if stage == "export":
            share = min(self.export_per_vm, self.export_per_host / sharing, self.network)
            return self._rate(planned, stage, share)
        if stage == "upload_s3":
            return self._rate(planned, stage, min(self.upload_per_vm, self.network / sharing))
        return self._rate(planned, stage, self.convert) if stage == "convert" else None

    def _rate(self, planned: PlannedVm, stage: str, default: float) -> float:
        return self._measured(planned, stage) or default

    def _measured(self, planned: PlannedVm, stage: str) -> float | None:
        own = self.measured.get((stage, planned.vm.host))
        return own or self.measured.get((stage, ""))


@dataclass(frozen=True, slots=True)
class Sample:
    """One stage that ran: what it moved and how long it took."""

    stage: str
    esxi_host: str
    moved_bytes: int
    seconds: float


def measured_rates(samples: Iterable[Sample]) -> dict[tuple[str, str], float]:
    """Median bytes per second by (stage, host), and by (stage, "") over all hosts, for `Rates.measured`.

    Runs that moved less than 64 MiB or took less than a second tell nothing about a rate.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for sample in samples:
        if sample.moved_bytes < LEAST_SAMPLE_BYTES or sample.seconds < 1:
            continue
        for host in {sample.esxi_host, ""}:
            found.setdefault((sample.stage, host), []).append(sample.moved_bytes / sample.seconds)
    return {key: statistics.median(rates) for key, rates in found.items()}


def data_bytes(planned: PlannedVm) -> int:
    """Bytes with content on the disks that move: what vCenter says, else the assumed share of their size."""
    moving = sum(disk.capacity_bytes for disk in planned.moving_disks())
    committed = planned.vm.committed_bytes
    return min(committed, moving) if committed else int(moving * DATA_SHARE)
