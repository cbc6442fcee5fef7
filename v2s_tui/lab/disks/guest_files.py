"""The files inside a lab guest: small trees that look like the real thing, and payload drawn from a seed.

Pure: a tree is a mapping of path to bytes, the same for the same seed.
"""

import random
from collections.abc import Iterator

from v2s_tui.lab.guests.windows_hive import bcd_store, software_hive, system_hive

Tree = dict[str, bytes]

_WORDS = [
    "GET",
    "POST",
    "/index.html",
    "/api/v1/orders",
    "/health",
    "200",
    "201",
    "304",
    "404",
    "500",
    "accepted",
    "session",
    "opened",
    "root",
    "postgres",
    "timeout",
    "retrying",
    "checkpoint",
    "buffers",
    "written",
    "archived",
    "kernel",
    "systemd",
    "started",
    "mounted",
]
_PAGE = 8192


def linux_tree(
    *, host_name: str, root_uuid: str, esp_uuid: str | None, seed: str, payload_bytes: int
) -> Tree:
    """A Debian-like root file system. esp_uuid: volume id of the EFI partition, None on BIOS guests."""
    fstab = f"UUID={root_uuid} / ext4 errors=remount-ro 0 1\n"
    if esp_uuid:
        fstab += f"UUID={esp_uuid} /boot/efi vfat umask=0077 0 1\n"
    tree = {
        "etc/hostname": f"{host_name}\n".encode(),
        "etc/fstab": fstab.encode(),
        "etc/os-release": b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
        "etc/network/interfaces": b"auto lo\niface lo inet loopback\nauto ens192\niface ens192 inet dhcp\n",
        "etc/default/grub": b'GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
        "boot/grub/grub.cfg": f"search --fs-uuid --set=root {root_uuid}\nset timeout=1\n".encode(),
        "boot/efi/.keep": b"",
        "usr/bin/vmware-toolbox-cmd": b"#!/bin/sh\necho 12.3.5\n",
        "var/lib/v2s-lab/identity": f"{host_name} {seed}\n".encode(),
    }
    return tree | dict(payload(seed, payload_bytes, folder="var/lib/v2s-lab/payload"))


def windows_tree(*, host_name: str, seed: str, payload_bytes: int) -> Tree:
    """A Windows-like system volume: hives that every reader accepts, programs that are noise.

    Nothing of Windows is shipped.
    """
    rng = random.Random(f"{seed}:windows")
    tree = {
        "bootmgr": rng.randbytes(40_000),
        "Windows/System32/winload.exe": rng.randbytes(60_000),
        "Windows/System32/config/SYSTEM": system_hive(host_name=host_name),
        "Windows/System32/config/SOFTWARE": software_hive(),
        "Windows/System32/drivers/etc/hosts": b"127.0.0.1 localhost\r\n",
        "Program Files/VMware/VMware Tools/tools.conf": b"[logging]\r\nlog = true\r\n",
        "Users/Administrator/Desktop/read me.txt": f"{host_name} {seed}\r\n".encode(),
    }
    return tree | dict(payload(seed, payload_bytes, folder="ProgramData/v2s-lab"))


def data_tree(*, seed: str, payload_bytes: int) -> Tree:
    """A data disk: a database's pages and its archive."""
    return dict(payload(seed, payload_bytes, folder="pgdata"))


def esp_tree(*, loader: str, seed: str) -> Tree:
    """An EFI system partition with a stand-in loader at `loader` and on the removable path."""
    image = b"MZ" + random.Random(f"{seed}:esp").randbytes(96_000)
    return {loader: image, "EFI/BOOT/BOOTX64.EFI": image}


def windows_esp_tree(*, seed: str) -> Tree:
    """Windows' EFI system partition: its boot manager where only the source's NVRAM knows it, and its BCD."""
    image = b"MZ" + random.Random(f"{seed}:esp").randbytes(96_000)
    folder = "EFI/Microsoft/Boot"
    return {f"{folder}/bootmgfw.efi": image, f"{folder}/BCD": bcd_store()}


def payload(seed: str, size_bytes: int, *, folder: str) -> Iterator[tuple[str, bytes]]:
    """Files of about size_bytes in all: half text, a quarter half-empty pages, a quarter noise."""
    rng = random.Random(f"{seed}:payload")
    log_bytes, page_bytes = size_bytes // 2, size_bytes // 4
    yield f"{folder}/access.log", _log_text(rng, log_bytes)
    yield f"{folder}/base/16384", _pages(rng, page_bytes)
    yield f"{folder}/archive.bin", rng.randbytes(size_bytes - log_bytes - page_bytes)


def _log_text(rng: random.Random, size_bytes: int) -> bytes:
    """Text that deflates well, in lines that all differ."""
    block = "".join(f"{' '.join(rng.choices(_WORDS, k=12))}\n" for _ in range(500)).encode()
    lines = block.splitlines()
    text = bytearray()
    while len(text) < size_bytes:
        rng.shuffle(lines)
        text += b"\n".join(lines)
    return bytes(text[:size_bytes])


def _pages(rng: random.Random, size_bytes: int) -> bytes:
    """Database-like pages: rows in front, zeros behind."""
    pages = (rng.randbytes(_PAGE // 2) + bytes(_PAGE // 2) for _ in range(size_bytes // _PAGE))
    return b"".join(pages)
