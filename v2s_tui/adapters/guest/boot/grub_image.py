"""A generic GRUB for UEFI: one file that reads every file system a guest may boot from.

It has no embedded configuration: the rescue parser does not know `if`. Its prefix is /EFI/BOOT on the ESP, so
it reads EFI/BOOT/grub.cfg there in normal mode. Source: reference guest.md section 6, step 4.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.domain.errors import ToolError
from v2s_tui.system.processes import run_tool

MODULE_FOLDER = Path("/usr/lib/grub/x86_64-efi")
_MODULES = (  # noqa: SIM905
    "acpi all_video boot btrfs cat chain cmp configfile cpuid cryptodisk date diskfilter echo efi_gop "
    "efi_uga efifwsetup efinet elf eval exfat ext2 f2fs fat font gcry_rijndael gcry_sha1 gcry_sha256 "
    "gcry_sha512 gettext gfxmenu gfxterm gfxterm_background gzio halt help hfsplus iso9660 jfs jpeg "
    "keystatus linux linuxefi loadenv loopback ls lsefi lssal luks luks2 lvm lzopio mdraid09 mdraid1x "
    "memdisk minicmd multiboot multiboot2 normal ntfs part_apple part_bsd part_gpt part_msdos password "
    "password_pbkdf2 png probe raid5rec raid6rec read reboot regexp reiserfs search search_fs_file "
    "search_fs_uuid search_label serial sleep smbios squash4 terminal test tga tpm true udf video "
    "video_bochs video_cirrus xfs xzio zfs zstd"
).split()
FSTEST = "grub-fstest"


def build_grub_image(scratch: Path, *, module_folder: Path = MODULE_FOLDER) -> bytes:
    """BOOTX64.EFI, about 1.5 MB. Raises ToolError when GRUB's EFI modules are not installed."""
    modules = [name for name in _MODULES if (module_folder / f"{name}.mod").exists()]
    if "normal" not in modules:
        raise ToolError(
            f"GRUB's EFI modules are not in {module_folder}",
            command="grub-mkimage",
            exit_code=None,
            stderr_tail="",
            hint="install the package grub-efi-amd64-bin",
        )
    with TemporaryDirectory(dir=scratch, prefix="grub-") as folder:
        target = Path(folder, "BOOTX64.EFI")
        folders = ["-d", str(module_folder), "-p", "/EFI/BOOT", "-o", str(target)]
        run_tool(
            ["grub-mkimage", "-O", "x86_64-efi", *folders, *modules],
            timeout_seconds=60,
            hint="is the package grub-common installed?",
        )
        return target.read_bytes()


def grub_can_read(raws: Sequence[Path], grub_device: str, path: str, *, timeout_seconds: float = 30) -> bool:
    """Whether GRUB's own drivers read a file out of raw disks: the best test of a boot file system there is.

    raws: all disks, boot disk first, since a volume group may lie on several. grub_device: `loop0,gpt1`,
    `lvm/vg0-root`; path: on that file system, absolute. No VM, no mount; 10-40 ms.
    """
    argv = [FSTEST, "-c", str(len(raws)), *map(str, raws), "crc", f"({grub_device}){path}"]
    done = run_tool(
        argv, timeout_seconds=timeout_seconds, accepted=(0, 1), hint="is the package grub-common installed?"
    )
    return done.stdout.strip() != b""
