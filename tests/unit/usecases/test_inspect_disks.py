"""Disk files looked at without a batch: intact or where not, and the commands that tell it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from v2s_tui.adapters.disk.manifest import ManifestWriter, digest_of, manifest_path
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES
from v2s_tui.adapters.disk.verify import Verified
from v2s_tui.adapters.guest.windows.inspection import BITLOCKER
from v2s_tui.cli.main import cli
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.guest.plan import GuestPlan
from v2s_tui.domain.guest.refusals import Refusal
from v2s_tui.usecases import inspect_disks
from v2s_tui.usecases.inspect_disks import guest_plan, verified_lines, verify_file

CLUSTERS = [bytes([number]) * CLUSTER_BYTES for number in range(1, 5)]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A raw disk of four clusters and its manifest."""
    path = tmp_path / "disk.raw"
    path.write_bytes(b"".join(CLUSTERS))
    with manifest_path(path).open("wb") as file:
        writer = ManifestWriter(file, virtual_size_bytes=len(CLUSTERS) * CLUSTER_BYTES)
        writer.add((number, digest_of(content)) for number, content in enumerate(CLUSTERS))
    return path


def damage(disk: Path, *numbers: int) -> None:
    with disk.open("r+b") as file:
        for number in numbers:
            file.seek(number * CLUSTER_BYTES)
            file.write(b"damage")


def test_an_intact_disk_is_said_to_be_intact(disk: Path) -> None:
    assert verify_file(disk).holds
    result = CliRunner().invoke(cli, ["disk", "verify", str(disk)])
    assert (result.exit_code, result.stdout) == (
        0, "4 clusters of a disk of 256 KiB are as they were recorded\n",
    )  # fmt: skip


def test_a_damaged_disk_fails_with_the_ranges(disk: Path) -> None:
    damage(disk, 1, 2)
    result = CliRunner().invoke(cli, ["disk", "verify", str(disk), "--manifest", str(manifest_path(disk))])
    assert result.exit_code == 1
    assert "2 of 4 clusters" in result.stderr
    assert "bytes 65536 to 196607" in result.stderr


def test_many_ranges_are_cut_short() -> None:
    lines = verified_lines(Verified(10**9, 1000, tuple(range(0, 40, 2))))
    assert len(lines) == 12
    assert lines[-1] == "  and 10 ranges more"


def test_files_that_are_not_there_are_named(disk: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.raw does not exist"):
        verify_file(disk.with_name("gone.raw"))
    with pytest.raises(InputError, match=r"other\.manifest does not exist"):
        verify_file(disk, disk.with_name("other.manifest"))


@pytest.mark.parametrize(("refusals", "code"), [((), 0), ((BITLOCKER,), 4)])
def test_the_command_prints_the_plan_and_a_refusal_blocks(
    monkeypatch: pytest.MonkeyPatch, refusals: tuple[Refusal, ...], code: int
) -> None:
    asked: list[object] = []

    def plan(
        disks: Sequence[Path], cache: Path, virtio_win: Path | None, initramfs: InitramfsMode
    ) -> GuestPlan:
        asked.extend((disks, virtio_win, initramfs))
        return GuestPlan((("system", "Windows Server 2022"),), refusals=refusals)

    monkeypatch.setattr(inspect_disks, "guest_plan", plan)
    words = ["guest", "plan", "--disk", "a.qcow2", "--disk", "b.qcow2", "--virtio-win", "drivers"]
    result = CliRunner().invoke(cli, [*words, "--initramfs", "rebuild"])
    assert asked == [(Path("a.qcow2"), Path("b.qcow2")), Path("drivers"), InitramfsMode.REBUILD]
    assert result.exit_code == code, result.output
    assert result.stdout.startswith("system        Windows Server 2022\n")
    assert ("turn BitLocker off" in result.stdout) == bool(refusals)


def test_disks_of_two_formats_are_refused_before_anything_starts(disk: Path, tmp_path: Path) -> None:
    image = tmp_path / "other.qcow2"
    image.write_bytes(b"QFI\xfb" + bytes(1000))
    with pytest.raises(InputError, match="two formats"):
        guest_plan([disk, image], tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        guest_plan([tmp_path / "gone"], tmp_path)
