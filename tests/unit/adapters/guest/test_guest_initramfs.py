"""Looking into an initramfs in every packing, and the archive that is appended to it."""

import bz2
import gzip
import lzma
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.adapters.guest.initramfs.audit import InitramfsFacts, UnknownCompression, audit_initramfs
from v2s_tui.adapters.guest.initramfs.cpio import ArchiveDamaged, write_archive
from v2s_tui.adapters.guest.initramfs.drivers import missing_drivers, parse_builtin, parse_dependencies
from v2s_tui.adapters.guest.initramfs.overlay import build_overlay, padding_before_overlay
from v2s_tui.domain.errors import V2sError

MAIN = write_archive(
    {
        "init": b"#!/bin/sh\n",
        "conf/modules": b"vmw_pvscsi\n",
        "scripts/functions": b"",
        "lib/modules/6.1/kernel/drivers/scsi/vmw_pvscsi.ko": b"\x7fELF",
        "lib/modules/6.1/kernel/drivers/scsi/sd-mod.ko.xz": b"\x7fELF",
    }
)
MICROCODE = write_archive({"kernel/x86/microcode/GenuineIntel.bin": b"x" * 1000})
MODULES_DEP = """kernel/drivers/scsi/virtio_scsi.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko
kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko
kernel/virtio/virtio_ring.ko:
kernel/virtio/virtio.ko:
kernel/drivers/scsi/sd_mod.ko:
"""
AVAILABLE = parse_dependencies(MODULES_DEP)


def tool(*argv: str, data: bytes) -> bytes:
    if shutil.which(argv[0]) is None:
        pytest.fail(f"{argv[0]} is not installed")
    return subprocess.run(argv, input=data, capture_output=True, check=True, timeout=30).stdout


PACKINGS = {
    "none": lambda data: data,
    "gzip": gzip.compress,
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
    "zstd": lambda data: tool("zstd", "-qc", data=data),
    "lz4": lambda data: tool("lz4", "-lqc", data=data),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("early", [b"", MICROCODE], ids=["plain", "microcode"])
def test_every_packing_is_read(tmp_path: Path, packing: str, early: bytes) -> None:
    path = tmp_path / "initrd"
    path.write_bytes(early + PACKINGS[packing](MAIN))
    facts = audit_initramfs(path)
    assert facts.modules == {"vmw_pvscsi", "sd_mod"}
    assert (facts.kind, facts.compression, facts.module_list) == ("initramfs-tools", packing, "vmw_pvscsi\n")


@pytest.mark.parametrize("packing", PACKINGS)
def test_what_is_appended_is_found_again(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "initrd"
    path.write_bytes(PACKINGS[packing](MAIN))
    audit = audit_initramfs(path)
    missing, unavailable = missing_drivers(
        audit, parse_builtin("kernel/drivers/net/virtio_net.ko\n"), AVAILABLE
    )
    assert missing == ("virtio_pci", "virtio_scsi", "virtio_blk")
    assert unavailable == ("virtio_blk",)
    archive = build_overlay(
        audit, "6.1", ("virtio_pci", "virtio_scsi"), AVAILABLE, lambda name: name.encode()
    )
    with path.open("ab") as file:
        file.write(padding_before_overlay(path.stat().st_size) + archive)
    after = audit_initramfs(path)
    assert after.modules == {"vmw_pvscsi", "sd_mod", "virtio_pci", "virtio_scsi", "virtio", "virtio_ring"}
    assert after.module_list == "vmw_pvscsi\nvirtio_pci\nvirtio_scsi\n"


def test_a_missing_dependency_counts_for_its_driver(tmp_path: Path) -> None:
    path = tmp_path / "initrd"
    path.write_bytes(
        write_archive({"lib/modules/6.1/kernel/virtio_scsi.ko": b"", "lib/modules/6.1/kernel/sd_mod.ko": b""})
    )
    assert "virtio_scsi" in missing_drivers(audit_initramfs(path), frozenset(), AVAILABLE)[0]


def test_a_kernel_without_initramfs_needs_everything_built_in() -> None:
    names = "virtio_pci virtio_scsi virtio_blk virtio_net sd_mod virtio virtio_ring"
    builtin = parse_builtin("\n".join(f"kernel/x/{name}.ko" for name in names.split()))
    assert missing_drivers(None, builtin, AVAILABLE) == ((), ())


def test_a_dracut_overlay_goes_where_its_modules_are(tmp_path: Path) -> None:
    path = tmp_path / "initrd"
    path.write_bytes(
        write_archive({"usr/lib/dracut/x": b"", "usr/lib/modules/5.14/kernel/a/sd_mod.ko.xz": b""})
    )
    audit = audit_initramfs(path)
    overlay = tmp_path / "overlay"
    overlay.write_bytes(build_overlay(audit, "5.14", ("virtio_scsi",), AVAILABLE, lambda name: b"x"))
    after = audit_initramfs(overlay)
    assert audit.kind == "dracut"
    assert after.module_folders == {"usr/lib/modules/5.14"}


def test_the_overlay_is_the_same_every_time() -> None:
    def build() -> bytes:
        audit = InitramfsFacts(frozenset(), "other", "gzip", merged_usr=False)
        return build_overlay(audit, "6.1", ("virtio_scsi",), AVAILABLE, lambda name: name.encode())

    assert build() == build()


def test_a_driver_that_is_only_listed_is_named() -> None:
    audit = InitramfsFacts(frozenset(), "other", "gzip", merged_usr=False)
    with pytest.raises(V2sError, match="is named in modules"):
        build_overlay(audit, "6.1", ("virtio_scsi",), {"virtio_scsi": ("virtio_scsi.ko", ())}, lambda _: None)


@given(st.binary(max_size=600))
def test_garbage_is_refused_and_never_hangs(data: bytes) -> None:
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile() as file:
        file.write(b"070701" + data)
        file.flush()
        with pytest.raises((ArchiveDamaged, UnknownCompression)):
            audit_initramfs(Path(file.name))


@pytest.mark.parametrize("packing", ["gzip", "none"])
def test_a_cut_file_is_refused(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "initrd"
    whole = PACKINGS[packing](MAIN)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveDamaged):
        audit_initramfs(path)


def test_an_unknown_packing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "initrd"
    path.write_bytes(b"\x00\x00\x00\x00LZOP" + b"x" * 100)
    with pytest.raises(UnknownCompression, match="4c5a4f50"):
        audit_initramfs(path)
