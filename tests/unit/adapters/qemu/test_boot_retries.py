"""A boot that the host's own load spoiled is no evidence against the guest."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from v2s_tui.adapters.qemu import rehearsal
from v2s_tui.bootstrap import _guests
from v2s_tui.config.settings import ConversionSettings, Settings
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal

STARVED = b"Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug\n"
SILENT_TIMER = (
    b"[   44.612142] rcu: rcu_preempt kthread timer wakeup didn't happen for 5251 jiffies!\n"
    b"[   44.612508] rcu: rcu_preempt kthread starved for 5252 jiffies! g-1159 f0x0 RCU_GP_WAIT_FQS(5)\n"
)
OLD_KERNEL = b"[   63.1] rcu_sched kthread starved for 15000 jiffies! g18446744073709551337\n"
STUCK = b"[   48.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [systemd-udevd:97]\n"
NO_ROOT = b"Kernel panic - not syncing: VFS: Unable to mount root fs\n"
GOOD = b"\nweb-01 login: "


class ScriptedQmp:
    """A machine that runs, whose disks nobody writes to."""

    events: tuple[()] = ()

    def command(self, name: str, **_: object) -> object:
        return {"query-status": {"status": "running"}}.get(name, [])


def scripted(said: bytes, agent: socket.socket) -> SimpleNamespace:
    """A machine with this on its console."""
    return SimpleNamespace(
        qmp=ScriptedQmp(),
        agent=agent,
        ssh_port=1,
        started=time.monotonic(),
        serial_bytes=lambda: said,
        screenshot=lambda _: False,
        process=SimpleNamespace(poll=lambda: None),
    )


def boots_that_say(monkeypatch: pytest.MonkeyPatch, folder: Path, *consoles: bytes) -> Rehearsal:
    """The result of a rehearsal whose boots print so, one after the other."""
    left: Iterator[bytes] = itertools.chain(consoles)

    @contextmanager
    def machine(*_: object, memory_mib: int, **__: object) -> Iterator[SimpleNamespace]:
        assert memory_mib == 2048
        said = next(left)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            yield scripted(said, ours)

    monkeypatch.setattr(rehearsal, "find_firmware", lambda: None)
    monkeypatch.setattr(rehearsal, "probed_acceleration", lambda: "tcg")
    monkeypatch.setattr(rehearsal, "running_machine", machine)
    monkeypatch.setattr(rehearsal, "_POLL_SECONDS", 0.001)
    settings = Settings(conversion=ConversionSettings(rehearsal_memory_mib=2048))
    return _guests(settings).rehearse(
        [],
        required=EvidenceLevel.USERSPACE,
        timeout_seconds=0.05,
        folder=folder,
        source_mac="",
        on_level=lambda _: None,
        cancelled=threading.Event(),
    )


@pytest.mark.parametrize("spoiled", [STARVED, SILENT_TIMER, OLD_KERNEL, STUCK], ids=range(4))
def test_a_starved_host_is_given_another_boot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spoiled: bytes
) -> None:
    found = boots_that_say(monkeypatch, tmp_path, spoiled, GOOD)
    assert (found.passed, found.boots) == (True, 2)


def test_what_a_slow_boot_reached_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = boots_that_say(monkeypatch, tmp_path, SILENT_TIMER + GOOD)
    assert (found.passed, found.boots) == (True, 1)


@pytest.mark.parametrize(
    ("said", "failure"), [(NO_ROOT, "panicked"), (b"Starting\n", "not reached within")], ids=range(2)
)
def test_any_other_failure_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: bytes, failure: str
) -> None:
    found = boots_that_say(monkeypatch, tmp_path, said, GOOD)
    assert failure in found.failure
    assert found.boots == 1


@pytest.mark.parametrize(
    "said",
    [
        b"mysqld invoked oom-killer: gfp_mask=0x140cca\n",
        b"Out of memory: Killed process 512 (postgres)\n",
        b"Kernel panic - not syncing: System is deadlocked on memory\n",
    ],
    ids=range(3),
)
def test_a_guest_that_needs_more_memory_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: bytes
) -> None:
    found = boots_that_say(monkeypatch, tmp_path, said)
    assert "conversion.rehearsal_memory_mib" in found.failure
    assert not found.passed


def test_it_does_not_try_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = boots_that_say(monkeypatch, tmp_path, STARVED, SILENT_TIMER, STUCK, GOOD)
    assert (found.passed, found.boots) == (False, 3)
    assert "not reached within" in found.failure


def test_a_login_prompt_is_not_the_end_while_the_nic_may_still_come_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filters = [{"promiscuous": False, "multicast-table": ["33:33:00:00:00:01"]}]
    asked = itertools.count()
    monkeypatch.setattr(
        ScriptedQmp,
        "command",
        lambda _, name, **__: {
            "query-status": {"status": "running"},
            "query-rx-filter": filters if next(asked) > 8 else [],
        }.get(name, []),
    )
    assert boots_that_say(monkeypatch, tmp_path, GOOD).nic_seen


def test_a_guest_without_a_network_passes_but_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = boots_that_say(monkeypatch, tmp_path, GOOD)
    assert (found.passed, found.nic_seen, found.failure) == (True, False, "")
