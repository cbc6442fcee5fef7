"""ensure_uefi: the boot disk gets an EFI system partition with a loader on the removable path.

No VM is started: the disk is edited through a raw view of its overlay.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.guest.adapt import AdaptRequest, AdaptResult, silent
from v2s_tui.adapters.guest.block import RawFile
from v2s_tui.adapters.guest.boot.command_line import is_unstable
from v2s_tui.adapters.guest.boot.conversion import ensure_esp
from v2s_tui.adapters.guest.boot.esp import (
    REMOVABLE_CONFIG,
    REMOVABLE_LOADER,
    EspImage,
    opened_esp,
    write_files,
)
from v2s_tui.adapters.guest.boot.esp_config import MARK, esp_grub_config
from v2s_tui.adapters.guest.boot.grub_image import build_grub_image, grub_can_read
from v2s_tui.adapters.guest.inspection import read_disk
from v2s_tui.adapters.guest.linux.boot_facts import holding_mount, starts_at_top_level
from v2s_tui.adapters.guest.raw_view import DiskView, raw_view
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.guest.facts import GuestFacts, PartitionTable
from v2s_tui.domain.guest.refusals import GuestRefused, Refusal


@dataclass(frozen=True, slots=True)
class UefiResult:
    """What ensure_uefi did. changed: files of the ESP that were written. converted: MBR became GPT."""

    esp_uuid: str
    partition: int
    changed: tuple[str, ...]
    converted: bool
    own_loader_kept: bool
    warnings: tuple[str, ...] = ()


def ensure_uefi(
    disks: Sequence[Path],
    adapted: AdaptResult,
    request: AdaptRequest,
    *,
    scratch: Path,
    progress: Callable[[str], None] = silent,
    disk_format: str = "qcow2",
) -> UefiResult:
    """Give the boot disk an ESP with a loader on the removable path. No VM is started.

    A UEFI guest that has its own loader there keeps it. Raises GuestRefused, NoRoomForEsp, ToolError.
    """
    with raw_view(disks[0], writable=True, image_format=disk_format) as view:
        before = read_disk(view).table
        progress("making an EFI system partition")
        place = ensure_esp(view, esp_bytes=request.esp_bytes, keep_mbr=request.keep_mbr)
        progress("writing the boot loader")
        with opened_esp(view, place, scratch, volume_id=adapted.esp_uuid) as esp:
            kept = _has_own_loader(esp)
            changed = () if kept else write_files(esp, _esp_files(adapted, scratch))
            uuid = esp.volume_id()
        after = read_disk(view).table
        progress("reading the kernel as GRUB does")
        if not kept:
            with ExitStack() as stack:
                _check_readable((view, *_others(stack, disks[1:], disk_format)), adapted, after)
    return UefiResult(
        esp_uuid=uuid,
        partition=place.number,
        changed=changed,
        converted=before is not after,
        own_loader_kept=kept,
        warnings=_of_uuid(uuid, adapted.esp_uuid),
    )


def _of_uuid(found: str, expected: str) -> tuple[str, ...]:
    if found == expected:
        return ()
    return (f"the ESP has the serial number {found}, fstab expects {expected}",)


def _has_own_loader(esp: EspImage) -> bool:
    """A loader on the removable path that is not ours."""
    config = esp.read(REMOVABLE_CONFIG)
    return esp.read(REMOVABLE_LOADER) is not None and not (config or b"").startswith(MARK.encode())


def _esp_files(adapted: AdaptResult, scratch: Path) -> dict[str, bytes]:
    boot = adapted.facts.boot
    jump = bool(boot.config_path) and not boot.bls and not _is_relative(adapted)
    if not jump and not adapted.entries:
        raise V2sError("the guest's boot configuration was not understood", hint="is GRUB its boot loader?")
    root = f"UUID={adapted.facts.root.filesystem.uuid}"
    config = esp_grub_config(boot, adapted.entries, lambda _: None, root=root, jump=jump)
    return {REMOVABLE_LOADER: build_grub_image(scratch), REMOVABLE_CONFIG: config.encode()}


def _is_relative(adapted: AdaptResult) -> bool:
    """SUSE on btrfs: its grub.cfg has paths from the default subvolume, which only its own GRUB follows."""
    default = adapted.facts.boot.default_entry
    mount = holding_mount(adapted.facts.mounts, "/boot")
    return bool(mount.subvolume) and default is not None and not starts_at_top_level(default, mount.subvolume)


def _others(stack: ExitStack, disks: Sequence[Path], disk_format: str) -> list[DiskView]:
    """The other disks: the boot file system may be a volume that lies on several."""
    views = (raw_view(disk, writable=False, image_format=disk_format) for disk in disks)
    return [stack.enter_context(view) for view in views]


def _check_readable(views: Sequence[DiskView], adapted: AdaptResult, table: PartitionTable) -> None:
    """Decided with GRUB's own drivers: kernel and configuration must be readable where the loader looks.

    Nothing can be decided without FUSE, where a disk has no path.
    """
    raws = [view.path for view in views if isinstance(view, RawFile)]
    if len(raws) < len(views):
        return
    boot = adapted.facts.boot
    device = grub_device(adapted.facts, table)
    wanted = [boot.config_path] if boot.config_path else []
    wanted += [entry.kernel for entry in adapted.entries[:1] if entry.kernel.startswith("/")]
    for path in wanted:
        if device and not grub_can_read(raws, device, path):
            raise GuestRefused(
                (
                    Refusal(
                        "grub-cannot-read",
                        f"GRUB cannot read {path} on the guest's {boot.boot_kind} file system",
                        "put /boot on a plain ext4 partition in the source VM",
                    ),
                )
            )


def grub_device(facts: GuestFacts, table: PartitionTable) -> str:
    """The boot file system's name for grub-fstest; "" when it is not on the boot disk itself."""
    mount = next((each for each in facts.mounts if each.mountpoint == "/boot"), facts.root)
    filesystem = mount.filesystem
    if filesystem.disk_index == 0 and filesystem.partition:
        kind = "msdos" if table is PartitionTable.MBR else "gpt"
        return f"loop0,{kind}{filesystem.partition}"
    if filesystem.array:
        # A mirror can be read from the boot disk alone, whatever its other members are.
        return f"mduuid/{filesystem.array.uuid.replace(':', '')}" if filesystem.array.level == "raid1" else ""
    parts = filesystem.device.split("/")
    if len(parts) == 4 and parts[1] == "dev" and parts[2] != "mapper" and not is_unstable(filesystem.device):
        group, volume = (part.replace("-", "--") for part in parts[2:])
        return f"lvm/{group}-{volume}"
    return ""
