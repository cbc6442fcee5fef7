"""virt-v2v as a child process: a stand-in speaks its command line and its JSON, and changes nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from v2s_tui.adapters.guest import virt_v2v
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.virt_v2v import Converted, domain_xml, run_virt_v2v
from v2s_tui.domain.errors import Cancelled, ToolError

SETTINGS = ApplianceSettings(None, None, "", "tcg")
VERSION = '#!/bin/sh\n[ "$1" = --version ] && { echo virt-v2v-in-place 2.9.9; exit 0; }\n'
RECORDS = """
for last; do :; done
printf '%s\\n' "$@" > "$HOME/arguments"
env > "$HOME/environment"
cp "$last" "$HOME/domain.xml"
echo '{ "message": "Inspecting the source", "timestamp": "2026", "type": "message" }' >&2
echo 'virt-v2v-in-place: warning: no agent' >&2
echo '{ "message": "no agent", "timestamp": "2026", "type": "warning" }' >&2
"""
REFUSES = """
printf '%s\\n' '{ "message": "One of rhsrvany.exe or pvvxsvc.exe is missing.\\nBoth.", "type": "error" }' >&2
echo 'virt-v2v-in-place: error: One of rhsrvany.exe or pvvxsvc.exe is missing.' >&2
exit 1
"""
HANGS = 'sleep 600 & echo $! > "$HOME/child"\nwait\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH whose first folder is ours, and a HOME where the stand-in leaves what it was told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def stand_in(home: Path, script: str) -> None:
    program = home / "bin" / virt_v2v.PROGRAM
    program.write_text(VERSION + script)
    program.chmod(0o755)


def run(
    home: Path,
    *,
    steps: list[str] | None = None,
    cancelled: threading.Event | None = None,
    limit_seconds: float = 30,
) -> Converted:
    return run_virt_v2v(
        [home / "a & b.qcow2", home / "data.qcow2"],
        SETTINGS,
        virtio_win=home / "virtio-win.iso",
        scratch=home,
        cancelled=cancelled or threading.Event(),
        progress=(steps if steps is not None else []).append,
        limit_seconds=limit_seconds,
    )


def test_what_it_is_told_and_what_it_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(virt_v2v.DATA_VARIABLE, "/srv/virt-tools")
    monkeypatch.setenv("SCW_SECRET_KEY", "not for tools")
    stand_in(home, RECORDS)
    steps: list[str] = []
    assert run(home, steps=steps) == Converted("virt-v2v-in-place 2.9.9", ("no agent",))
    assert steps == ["virt-v2v: Inspecting the source"]
    arguments = (home / "arguments").read_text().split()
    assert arguments[:-1] == ["--machine-readable=stream:stderr", "--root", "single", "-i", "libvirtxml"]
    environment = dict(line.split("=", 1) for line in (home / "environment").read_text().splitlines())
    assert environment["VIRTIO_WIN"] == str(home / "virtio-win.iso")
    assert environment[virt_v2v.DATA_VARIABLE] == "/srv/virt-tools"
    assert environment["LIBGUESTFS_BACKEND_SETTINGS"] == "force_tcg"
    assert "SCW_SECRET_KEY" not in environment
    scratch = Path(environment["VIRT_V2V_TMPDIR"])
    assert scratch.parent == home
    assert not scratch.exists(), "its temporary files are gone with it"


def test_every_disk_is_an_overlay_in_its_order_named_in_full(home: Path) -> None:
    stand_in(home, RECORDS)
    run(home)
    text = (home / "domain.xml").read_text()
    assert text.count('<driver name="qemu" type="qcow2" />') == 2
    wanted = [f'file="{home}/a &amp; b.qcow2"', 'dev="sda"', f'file="{home}/data.qcow2"', 'dev="sdb"']
    assert sorted(wanted, key=text.index) == wanted
    assert f'file="{Path.cwd()}/boot.qcow2"' in domain_xml([Path("boot.qcow2")]).decode()


def test_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert virt_v2v.program_missing() == "not installed: virt-v2v-in-place, nbdkit"
    with pytest.raises(ToolError) as error:
        run(home)
    assert "apt-get install virt-v2v" in error.value.hint
    assert "guest_backend: v2s" in error.value.hint
    stand_in(home, RECORDS)
    assert virt_v2v.program_missing() == "not installed: nbdkit"
    (home / "bin" / "nbdkit").symlink_to("/bin/true")
    assert virt_v2v.program_missing() == ""


def test_its_own_reason_and_last_words_reach_the_operator(home: Path) -> None:
    stand_in(home, REFUSES)
    with pytest.raises(ToolError) as error:
        run(home)
    assert error.value.title == "virt-v2v-in-place: One of rhsrvany.exe or pvvxsvc.exe is missing"
    assert error.value.exit_code == 1
    assert "/usr/share/virt-tools" in error.value.hint
    assert error.value.stderr_tail.startswith("virt-v2v-in-place: error: One of")
    assert "{" not in error.value.stderr_tail


def test_a_death_without_a_word(home: Path) -> None:
    stand_in(home, "exit 3\n")
    with pytest.raises(ToolError, match="virt-v2v-in-place ended with exit code 3") as error:
        run(home)
    assert "guest_backend: v2s" in error.value.hint
    assert error.value.command.startswith(str(home / "bin" / virt_v2v.PROGRAM))


def gone(home: Path) -> bool:
    """Whether the child that the stand-in left behind is dead."""
    pid = int((home / "child").read_text())
    for _ in range(50):
        try:
            os.kill(pid, signal.SIG_DFL)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_after_its_time_the_whole_group_is_killed(home: Path) -> None:
    stand_in(home, HANGS)
    with pytest.raises(ToolError, match="virt-v2v-in-place took longer than 1 seconds"):
        run(home, limit_seconds=1)
    assert gone(home)
    assert not list(home.glob("virt-v2v-*"))


def test_cancel_ends_it(home: Path) -> None:
    stand_in(home, HANGS)
    cancelled = threading.Event()
    threading.Timer(0.5, cancelled.set).start()
    with pytest.raises(Cancelled, match="virt-v2v-in-place was stopped"):
        run(home, cancelled=cancelled)
    assert gone(home)


def test_it_does_not_outlive_a_runner_that_is_killed(home: Path) -> None:
    stand_in(home, HANGS)
    call = (
        "run_virt_v2v([], settings, virtio_win=None, scratch=Path.home(), cancelled=Event(), progress=print)"
    )
    imports = (
        "from pathlib import Path",
        "from threading import Event",
        "from v2s_tui.adapters.guest.appliance import ApplianceSettings",
        "from v2s_tui.adapters.guest.virt_v2v import run_virt_v2v",
        "settings = ApplianceSettings(None, None, '', 'tcg')",
    )
    with subprocess.Popen([sys.executable, "-c", "\n".join([*imports, call])]) as runner:
        deadline = time.monotonic() + 20
        while not (home / "child").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)
        runner.kill()
    assert gone(home)


@pytest.mark.parametrize("name", ["rhsrvany.exe", "pvvxsvc.exe"])
def test_what_windows_needs_besides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(virt_v2v.DATA_VARIABLE, str(tmp_path))
    assert virt_v2v.windows_part_missing() == f"neither rhsrvany.exe nor pvvxsvc.exe is in {tmp_path}"
    (tmp_path / name).touch()
    assert virt_v2v.windows_part_missing() == ""
