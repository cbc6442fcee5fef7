"""A machine of the lab that the host's load spoiled starts anew, and not for ever."""

import time
from pathlib import Path

from v2s_tui.lab.machines.machine import BootedMachine, MachineOrder
from v2s_tui.lab.machines.starvation import Starvation

FIRST_WORDS = b">>Start"
SILENT = b"rcu: rcu_preempt kthread starved for 5252 jiffies! g-1159\n"


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_a_sign_counts_once_however_it_was_cut(tmp_path: Path) -> None:
    console = tmp_path / "serial.log"
    watch = Starvation(console)
    assert not watch.calls_for_reset(), "there is no console yet"
    append(console, b"x" * 500 + SILENT[:20])
    assert not watch.calls_for_reset()
    append(console, SILENT[20:])
    assert watch.calls_for_reset()
    assert not watch.calls_for_reset(), "the same sign again"


def test_it_is_not_started_anew_for_ever(tmp_path: Path) -> None:
    console = tmp_path / "serial.log"
    watch = Starvation(console)
    asked = []
    for _ in range(5):
        append(console, SILENT)
        asked.append(watch.calls_for_reset())
    assert asked == [True, True, True, False, False]


def test_the_firmware_speaks_again_after_a_sign(tmp_path: Path) -> None:
    machine = BootedMachine(
        MachineOrder("starved", (), tmp_path, "", "de:00:00:00:00:01"), acceleration="tcg"
    )
    try:
        wait_for(FIRST_WORDS, machine.console, after=0)
        spoken = machine.console.stat().st_size
        append(machine.console, SILENT)
        assert machine.look()
        wait_for(FIRST_WORDS, machine.console, after=spoken)
    finally:
        machine.end()


def wait_for(words: bytes, console: Path, *, after: int) -> None:
    """Until the words stand behind so many bytes."""
    deadline = time.monotonic() + 60
    while words not in console.read_bytes()[after:]:
        assert time.monotonic() < deadline, console.read_bytes()[-500:]
        time.sleep(0.2)
