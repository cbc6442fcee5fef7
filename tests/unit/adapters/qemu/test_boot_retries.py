"""A boot that the host's own load spoiled is no evidence against the guest."""

import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from v2s_tui.adapters.qemu import rehearsal
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal

STARVED = (
    "the kernel panicked (Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug)"
)
NO_ROOT = "the kernel panicked (Kernel panic - not syncing: VFS: Unable to mount root fs)"


def boots_that_end(monkeypatch: pytest.MonkeyPatch, folder: Path, *failures: str) -> tuple[str, int]:
    """The failure of a rehearsal whose boots end so, one after the other, and how many there were."""
    left = list(failures)

    def result(_watch: object, required: EvidenceLevel, _folder: Path, **_: object) -> Rehearsal:
        return Rehearsal(
            required=required,
            observations=(),
            failure=left.pop(0),
            serial_tail="",
            screenshot="",
            acceleration="tcg",
            profile="scaleway",
            duration_seconds=1.0,
        )

    monkeypatch.setattr(rehearsal, "find_firmware", lambda: None)
    monkeypatch.setattr(rehearsal, "running_machine", lambda *_, **__: nullcontext(SimpleNamespace()))
    monkeypatch.setattr(rehearsal, "_watch", lambda *_: None)
    monkeypatch.setattr(rehearsal, "_result", result)
    found = rehearsal.rehearse_boot(
        [],
        required=EvidenceLevel.USERSPACE,
        timeout_seconds=30,
        folder=folder,
        cancelled=threading.Event(),
        acceleration="tcg",
    )
    return found.failure, len(failures) - len(left)


def test_a_starved_timer_is_given_another_boot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boots_that_end(monkeypatch, tmp_path, STARVED, "") == ("", 2)


def test_any_other_failure_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boots_that_end(monkeypatch, tmp_path, NO_ROOT, "") == (NO_ROOT, 1)


def test_it_does_not_try_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert boots_that_end(monkeypatch, tmp_path, STARVED, STARVED, STARVED, "") == (STARVED, 3)
