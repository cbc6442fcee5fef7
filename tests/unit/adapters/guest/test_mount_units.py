"""systemd's own mount and swap units: devices by UUID, and swap units under the name that systemd wants."""

import pytest
from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.linux.mount_units import edit_mount_unit, plan_mount_units, unit_name
from v2s_tui.domain.guest.changes import ChangeKind

UNITS = "/etc/systemd/system"
MOUNT = """[Unit]
Description=Data
After=network.target

[Mount]
What = /dev/sdb1
Where=/data
Type=xfs
Options=noatime

[Install]
WantedBy=multi-user.target
"""


def stable(name: str) -> str | None:
    return {
        "/dev/sdb1": "UUID=data-uuid",
        "/dev/sda5": "UUID=5-swap",
        "/dev/sda6": "PARTUUID=new-6",
        "PARTUUID=kept": "PARTUUID=kept",
    }.get(name)


def test_only_the_device_changes() -> None:
    after = edit_mount_unit(MOUNT, stable)
    assert after == MOUNT.replace("What = /dev/sdb1", "What = /dev/disk/by-uuid/data-uuid")
    assert edit_mount_unit(after, stable) == after


@pytest.mark.parametrize("device", ["/dev/mapper/vg-data", "UUID=x", "/dev/sdz1", "tmpfs", "nas:/export"])
def test_what_survives_or_is_unknown_stays(device: str) -> None:
    text = f"[Mount]\nWhat={device}\nWhere=/x\n"
    assert edit_mount_unit(text, stable) == text


def test_units_and_their_drop_ins_are_planned() -> None:
    files: dict[str, str | bytes] = {
        f"{UNITS}/data.mount": MOUNT,
        f"{UNITS}/srv.mount": "[Mount]\nWhat=/dev/disk/by-uuid/y\nWhere=/srv\n",
        f"{UNITS}/opt.mount.d/device.conf": "[Mount]\nWhat=/dev/sdb1\n",
    }
    changes = plan_mount_units(TextFiles(files), stable)
    assert [change.path for change in changes] == [f"{UNITS}/data.mount", f"{UNITS}/opt.mount.d/device.conf"]


def test_a_swap_unit_moves_with_what_starts_it() -> None:
    old, new = "dev-sda5.swap", r"dev-disk-by\x2duuid-5\x2dswap.swap"
    files: dict[str, str | bytes] = {
        f"{UNITS}/{old}": "[Swap]\nWhat=/dev/sda5\n",
        f"{UNITS}/swap.target.wants/{old}": f"-> {UNITS}/{old}",
        f"{UNITS}/swap.target.wants/other.swap": f"-> {UNITS}/other.swap",
    }
    changes = plan_mount_units(TextFiles(files), stable)
    assert [(change.kind, change.path, change.target) for change in changes] == [
        (ChangeKind.WRITE, f"{UNITS}/{new}", ""),
        (ChangeKind.REMOVE, f"{UNITS}/{old}", ""),
        (ChangeKind.REMOVE, f"{UNITS}/swap.target.wants/{old}", ""),
        (ChangeKind.LINK, f"{UNITS}/swap.target.wants/{new}", f"{UNITS}/{new}"),
    ]
    assert changes[0].content == b"[Swap]\nWhat=/dev/disk/by-uuid/5-swap\n"


def test_a_partition_without_a_uuid_of_its_content_is_named_by_its_own() -> None:
    text = "[Swap]\nWhat=/dev/sda6\n"
    assert edit_mount_unit(text, stable) == "[Swap]\nWhat=/dev/disk/by-partuuid/new-6\n"


def test_names_are_escaped_as_systemd_does_it() -> None:
    assert unit_name("/dev/disk/by-uuid/a-b.c", "swap") == r"dev-disk-by\x2duuid-a\x2db.c.swap"
    assert unit_name("/dev/vg 0/é", "swap") == r"dev-vg\x200-\xc3\xa9.swap"
