"""Look at disk files without a batch: what would be changed in their guest, and whether they are intact."""

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from v2s_tui.adapters.disk.foreign_image import image_format, refuse_foreign_files
from v2s_tui.adapters.disk.manifest import manifest_path
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES
from v2s_tui.adapters.disk.verify import Verified, verify_disk
from v2s_tui.adapters.guest.adapt import AdaptRequest
from v2s_tui.adapters.guest.appliance import prepare_appliance
from v2s_tui.adapters.guest.plan_guest import plan_guest
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.guest.plan import GuestPlan
from v2s_tui.domain.units import format_bytes

MOST_RANGES = 10


def guest_plan(
    disks: Sequence[Path],
    cache: Path,
    virtio_win: Path | None = None,
    initramfs: InitramfsMode = InitramfsMode.OVERLAY,
) -> GuestPlan:
    """What the guest stages would change on these disks of one VM, boot disk first; they are only read.

    cache: where the appliance's kernel is kept. virtio_win: drivers for a Windows guest.
    initramfs: for a Linux guest. Raises InputError, ToolError.
    """
    for disk in disks:
        refuse_foreign_files(disk)
    formats = {image_format(disk) for disk in disks}
    if len(formats) != 1:
        raise InputError("the disks are of two formats", hint="convert all to qcow2, or all to raw")
    with tempfile.TemporaryDirectory(prefix="v2s-guest-") as scratch:
        return plan_guest(
            [disk.absolute() for disk in disks],
            AdaptRequest(initramfs=initramfs),
            prepare_appliance(cache),
            scratch=Path(scratch),
            cancelled=threading.Event(),
            disk_format=formats.pop(),
            virtio_win=virtio_win,
        )


def verify_file(disk: Path, manifest: Path | None = None) -> Verified:
    """Compare an image, a raw file or a volume with its manifest (None: the one beside it).

    Raises InputError for files that cannot be read, ToolError for files of another form.
    """
    manifest = manifest or manifest_path(disk)
    for path in (disk, manifest):
        if not path.exists():
            raise InputError(f"{path} does not exist", hint="a manifest is kept beside each exported image")
    try:
        return verify_disk(disk, manifest)
    except OSError as err:
        raise InputError(f"{disk} cannot be read: {err.strerror}", hint="check its rights") from err


def verified_lines(found: Verified) -> tuple[str, ...]:
    """The result for people, where it is wrong with the ranges of bytes."""
    size = format_bytes(found.virtual_size_bytes)
    if found.holds:
        return (f"{found.compared_clusters} clusters of a disk of {size} are as they were recorded",)
    wrong = found.wrong_clusters
    lines = [f"{len(wrong)} of {found.compared_clusters} clusters of a disk of {size} differ:"]
    ranges = list(_ranges(wrong))
    lines += [
        f"  bytes {first * CLUSTER_BYTES} to {(last + 1) * CLUSTER_BYTES - 1}"
        for first, last in ranges[:MOST_RANGES]
    ]
    if len(ranges) > MOST_RANGES:
        lines.append(f"  and {len(ranges) - MOST_RANGES} ranges more")
    return tuple(lines)


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of each run."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
