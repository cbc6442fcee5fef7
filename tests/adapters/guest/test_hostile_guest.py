"""A guest that wants to reach this host: links out of its disk, files without end, names with meaning."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from guest_rehearsals import MIB, REQUEST, overlay_of

from v2s_tui.adapters.guest.adapt import adapt_linux
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.errors import ToolError
from v2s_tui.lab.guests.micro import build_micro_guest

pytestmark = pytest.mark.timeout(1500)  # most of it may be waiting for the machine


FSTAB = """/dev/sda1 / ext4 defaults 0 1
/dev/sda1 /../../../../tmp ext4 defaults 0 0
/dev/sda1 /boot/../../var ext4 defaults 0 0
/dev/sda1 /outside ext4 defaults 0 0
/dev/sda1 relative/etc ext4 defaults 0 0
"""


def hostile(raw: Path, secret: Path) -> None:
    """Rewrites a built guest with debugfs: links to a host file, an endless grub.cfg, a device as crypttab,
    mount points that lead out.
    """
    fstab = secret.with_name("fstab")
    fstab.write_text(FSTAB)
    commands = "\n".join(
        [
            "rm /etc/fstab",
            f"write {fstab} /etc/fstab",
            "symlink /outside /../../etc",
            "rm /etc/network/interfaces",
            f"symlink /etc/network/interfaces /../../../../..{secret}",
            "rm /etc/default/grub",
            f"symlink /etc/default/grub {secret}",
            "rm /etc/udev/rules.d/70-persistent-net.rules",
            f"symlink /etc/udev/rules.d/70-persistent-net.rules {secret}",
            "mknod /etc/crypttab c 1 5",
            "symlink /etc/systemd/network /etc/systemd/network",
            "ea_set /etc security.selinux system_u:object_r:etc_t:s0",
            "set_inode_field /boot/grub/grub.cfg size 2147483648",
        ]
    )
    image = f"{raw}?offset=1048576"
    subprocess.run(
        ["debugfs", "-w", "-f", "-", image], input=commands, text=True, check=True, capture_output=True
    )


def test_nothing_outside_its_disk_is_read_or_changed(
    guest_cache: Path, appliance: ApplianceSettings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("auto ens192\niface ens192 inet static\n    address 10.0.0.1/24\n")
    os.utime(secret, (1_000_000_000, 1_000_000_000))
    raw = tmp_path / "guest.raw"
    build_micro_guest(raw, variant="bios", cache=guest_cache)
    hostile(raw, secret)
    disk = overlay_of(raw, tmp_path / "overlay.qcow2", base_format="raw", extra_bytes=80 * MIB)
    adapted = adapt_linux([disk], REQUEST, appliance, scratch=tmp_path, cancelled=threading.Event())
    changed = {record.path for record in adapted.records}
    assert "/etc/fstab" in changed
    assert not changed & {"/boot/grub/grub.cfg", "/etc/network/interfaces", "/etc/crypttab"}
    assert secret.read_text().startswith("auto ens192")
    assert secret.stat().st_mtime == 1_000_000_000
    assert adapted.entries == (), "an endless grub.cfg is not read"
    assert [mount.mountpoint for mount in adapted.facts.mounts] == ["/"]
    with GuestSession([disk], appliance, cancelled=threading.Event(), readonly=True) as session:
        session.mount(adapted.facts.root.filesystem.device, "/")
        mask = "/etc/systemd/system/open-vm-tools.service"
        assert session.link_target(mask) == "/dev/null"
        assert session.call("label", path=mask) == "system_u:object_r:etc_t:s0", "as its folder"


def test_a_worker_that_takes_too_long_is_killed(appliance: ApplianceSettings, tmp_path: Path) -> None:
    disk = tmp_path / "empty.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "64M"], check=True)
    session = GuestSession([disk], appliance, cancelled=threading.Event(), limit_seconds=4.0)
    with pytest.raises(ToolError, match="in time"), session:
        pytest.fail("four seconds are not enough to start the appliance")
    assert session.ended
    wait_until(lambda: not processes_on(disk))


def processes_on(disk: Path) -> list[str]:
    """Command lines that name a disk: the appliance itself, should it outlive its worker."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue  # it ended while we looked
        if str(disk) in command:
            found.append(command)
    return found


def wait_until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Give the system a moment to end what was killed."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
