"""A real Debian as a guest for the slow tests: systemd, udev, initramfs-tools, sshd, shaped like at VMware.

Needs root and mmdebstrap; about a minute the first time, then a tar in the cache is used. The packages come
from the sources that this host's apt is configured for.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.lab.disks.partitions import MBR_LINUX, MIB, Partition, write_mbr
from v2s_tui.lab.guests.micro import identity_of, write_bios_grub, write_ext4
from v2s_tui.lab.guests.packages import DEFAULT_CACHE, guest_parts, run
from v2s_tui.lab.guests.shapes import GuestIdentity, GuestShape

_PACKAGES = (
    "linux-image-cloud-amd64", "systemd-sysv", "udev", "dbus", "initramfs-tools", "openssh-server",
    "ifupdown", "isc-dhcp-client", "kmod", "open-vm-tools", "grub2-common",
)  # fmt: skip
_SIZE_BYTES = 1400 * MIB
_TREE = "debian-guest-grub.tar"
_BUILD_SECONDS = 900


def build_debian_guest(target: Path, *, cache: Path = DEFAULT_CACHE, name: str = "debian-guest") -> None:
    """Write a bootable raw disk (BIOS, MBR, ext4 on sda1). Raises PackageMissing, RuntimeError."""
    folder = cache.expanduser()
    tree = _tree(folder)
    identity, shape, parts = identity_of(name), GuestShape(), guest_parts(cache)
    with TemporaryDirectory(dir=target.parent, prefix="debian-") as scratch:
        root = Path(scratch, "root")
        root.mkdir()
        run(["tar", "--numeric-owner", "--xattrs", "-xpf", str(tree), "-C", str(root)], timeout_seconds=300)
        _shape(root, identity)
        place = Partition(MIB, _SIZE_BYTES - MIB, MBR_LINUX, bootable=True)
        with target.open("w+b") as disk:
            disk.truncate(_SIZE_BYTES)
            write_mbr(disk, [place], disk_id=0x56325331)
        write_ext4(target, place, root, identity.root_uuid, "root")
        write_bios_grub(target, shape, parts, Path(scratch))


def _tree(cache: Path) -> Path:
    done = cache / _TREE
    if done.exists():
        return done
    partial = cache / f"partial-{_TREE}"
    options = [
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        "--format=tar",
        f"--include={','.join(_PACKAGES)}",
    ]
    hooks = ['--essential-hook=mkdir -p "$1/etc/initramfs-tools/conf.d"']
    hooks += ['--essential-hook=printf "MODULES=list\\n" > "$1/etc/initramfs-tools/conf.d/v2s-lab"']
    hooks += ['--essential-hook=printf "vmw_pvscsi\\nsd_mod\\next4\\n" > "$1/etc/initramfs-tools/modules"']
    hooks += ['--customize-hook=chroot "$1" update-initramfs -u -k all']
    argv = ["mmdebstrap", *options, *hooks, "bookworm", str(partial), *_apt_sources()]
    run(argv, timeout_seconds=_BUILD_SECONDS)
    partial.rename(done)
    return done


def _apt_sources() -> list[str]:
    """Files that say where this host's apt gets Debian from."""
    folder = Path("/etc/apt/sources.list.d")
    files = [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    return [str(file) for file in files if file.exists() and "bookworm" in file.read_text()]


def _shape(root: Path, identity: GuestIdentity) -> None:
    """As a VM at VMware is: device names, static ens192 pinned by MAC, no serial console."""
    kernel = max((root / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")
    address, _ = identity.address.split("/")
    files = {
        "etc/hostname": f"{identity.host_name}\n",
        "etc/fstab": "/dev/sda1 / ext4 errors=remount-ro 0 1\n",
        "etc/network/interfaces": "auto lo\niface lo inet loopback\n\nallow-hotplug ens192\n"
        f"iface ens192 inet static\n    address {address}/24\n    gateway {identity.gateway}\n",
        "etc/udev/rules.d/70-persistent-net.rules": 'SUBSYSTEM=="net", ACTION=="add", '
        f'ATTR{{address}}=="{identity.mac}", NAME="ens192"\n',
        "etc/default/grub": 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="root=/dev/sda1"\n',
        "boot/grub/grub.cfg": f"""set default="0"
set timeout=1
menuentry 'Debian GNU/Linux' --class debian {{
    insmod part_msdos
    insmod ext2
    set root='hd0,msdos1'
    search --no-floppy --fs-uuid --set=root {identity.root_uuid}
    linux /boot/vmlinuz-{kernel} root=/dev/sda1 ro quiet
    initrd /boot/initrd.img-{kernel}
}}
""",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
