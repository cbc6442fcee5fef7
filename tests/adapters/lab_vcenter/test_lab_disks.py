"""Generated disks: real partition tables and file systems with the files their manifest names."""

import hashlib
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from v2s_tui.lab.disks.build import ensure_disk, ensure_disks, manifest_path
from v2s_tui.lab.disks.vmdk_stream import stream_vmdk
from v2s_tui.lab.scenarios import DiskSpec, load_scenario

MIB = 1 << 20
SIZE_BYTES = 256 * MIB
FILE_SYSTEM_KINDS = ["linux-bios", "linux-uefi", "windows-bios", "windows-uefi", "data-ext4"]


def run(*argv: object) -> bytes:
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [str(each) for each in argv], check=True, capture_output=True, env=environment, timeout=60
    ).stdout


def disk_spec(folder: Path, content: str) -> DiskSpec:
    return DiskSpec(
        label="Hard disk 1",
        size_bytes=SIZE_BYTES,
        content=content,
        raw_path=folder / f"{content}.raw",
        seed=f"{content}/0",
        payload_bytes=MIB,
    )


def read_file(raw: Path, volume: dict, name: str, folder: Path) -> bytes:
    """One file out of a file system inside the disk, by the file system's own tool."""
    start = volume["start_bytes"]
    if volume["file_system"] == "ext4":
        target = folder / "out"
        run("debugfs", "-R", f'dump "/{name}" {target}', f"{raw}?offset={start}")
        return target.read_bytes()
    if volume["file_system"] == "vfat":
        return run("mtype", "-i", f"{raw}@@{start}", f"::{name}")
    image = folder / "ntfs.img"
    if not image.exists():
        run("dd", f"if={raw}", f"of={image}", "bs=1M", f"skip={start // MIB}",
            f"count={volume['size_bytes'] // MIB}", "conv=sparse", "status=none")  # fmt: skip
        run("ntfsfix", "-n", image)
    return run("ntfscat", image, name)


@pytest.mark.parametrize("content", FILE_SYSTEM_KINDS)
def test_every_known_file_is_really_there(tmp_path, content):
    raw = ensure_disk(disk_spec(tmp_path, content))
    manifest = json.loads(manifest_path(raw).read_text())
    assert manifest["size_bytes"] == raw.stat().st_size == SIZE_BYTES
    assert len(manifest["volumes"]) == (2 if "uefi" in content else 1)
    for volume in manifest["volumes"]:
        for name, known in volume["files"].items():
            body = read_file(raw, volume, name, tmp_path)
            assert hashlib.sha256(body).hexdigest() == known["sha256"], name


@pytest.mark.parametrize("content", ["linux-bios", "linux-uefi", "data-ext4"])
def test_ext4_is_clean(tmp_path, content):
    raw = ensure_disk(disk_spec(tmp_path, content))
    volume = json.loads(manifest_path(raw).read_text())["volumes"][-1]
    run("e2fsck", "-fn", f"{raw}?offset={volume['start_bytes']}")


@pytest.mark.parametrize("content", ["linux-uefi", "windows-uefi", "data-ext4"])
def test_gpt_has_no_problems(tmp_path, content):
    raw = ensure_disk(disk_spec(tmp_path, content))
    assert b"No problems found" in run("sgdisk", "-v", raw)


def test_bios_disks_have_one_bootable_partition(tmp_path):
    table = run("sfdisk", "--json", ensure_disk(disk_spec(tmp_path, "windows-bios")))
    (partition,) = json.loads(table)["partitiontable"]["partitions"]
    assert (partition["type"], partition["bootable"], partition["start"]) == ("7", True, 2048)


def test_fstab_names_the_file_systems_that_exist(tmp_path):
    raw = ensure_disk(disk_spec(tmp_path, "linux-uefi"))
    esp, root = json.loads(manifest_path(raw).read_text())["volumes"]
    fstab = read_file(raw, root, "etc/fstab", tmp_path).decode()
    assert f"UUID={root['volume_id']} / " in fstab
    assert f"UUID={esp['volume_id']} /boot/efi " in fstab
    serial = run("minfo", "-i", f"{raw}@@{esp['start_bytes']}", "::").decode()
    assert f"serial number: {esp['volume_id'].replace('-', '').lstrip('0')}".lower() in serial.lower()


@pytest.mark.parametrize("content", [*FILE_SYSTEM_KINDS, "random", "empty"])
def test_the_same_seed_gives_the_same_files(tmp_path, content):
    first = ensure_disk(disk_spec(tmp_path / "a", content))
    second = ensure_disk(disk_spec(tmp_path / "b", content))
    assert manifest_path(first).read_bytes() == manifest_path(second).read_bytes()
    if content in ("random", "empty"):
        assert "identical" in run("qemu-img", "compare", "-f", "raw", "-F", "raw", first, second).decode()


def test_disks_are_used_again_until_their_specification_changes(tmp_path):
    spec = disk_spec(tmp_path, "random")
    before = ensure_disk(spec).stat()
    assert ensure_disk(spec).stat().st_ino == before.st_ino
    assert ensure_disk(replace(spec, seed="another")).stat().st_ino != before.st_ino


def test_a_half_made_disk_is_made_again(tmp_path):
    spec = disk_spec(tmp_path, "random")
    raw = ensure_disk(spec)
    manifest_path(raw).unlink()
    raw.write_bytes(b"half")
    assert ensure_disk(spec).stat().st_size == spec.size_bytes


@pytest.mark.parametrize("content", ["linux-uefi", "random", "empty"])
def test_streams_convert_back_to_the_same_disk(tmp_path, content):
    raw = ensure_disk(disk_spec(tmp_path, content))
    vmdk = tmp_path / "disk.vmdk"
    with vmdk.open("wb") as file:
        for piece in stream_vmdk(raw):
            assert len(piece) % 512 == 0
            file.write(piece)
    assert "identical" in run("qemu-img", "compare", vmdk, raw).decode()
    if content == "empty":
        assert vmdk.stat().st_size < 100_000


def test_the_demo_disks_are_a_few_hundred_mib_and_quickly_made(tmp_path):
    scenario = load_scenario("demo", folder=tmp_path)
    disks = [disk for vm in scenario.vms for disk in vm.disks]
    ensure_disks(disks)
    allocated = sum(disk.raw_path.stat().st_blocks * 512 for disk in disks)
    assert 200 * MIB < allocated < 700 * MIB
