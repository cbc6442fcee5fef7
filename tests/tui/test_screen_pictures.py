"""How each screen looks in its main states, at 80x24 and 120x40. Update with `pytest --snapshot-update`."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from app_under_test import app_on_fakes, batch_in_flight, settled, watched
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

from v2s_tui.config.settings import Settings
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.leftovers import Found, Leftover
from v2s_tui.domain.planning.source_power import TouchedPower
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.connect import Connect
from v2s_tui.tui.modals.failure import FailurePanel
from v2s_tui.tui.modals.leftovers import LeftoversView
from v2s_tui.tui.modals.welcome import Welcome

SIZES = [(80, 24), (120, 40)]
Drive = Callable[[Pilot[int]], Awaitable[None]]


def steps(*keys: str) -> Drive:
    """Press these keys once everything has settled."""

    async def drive(pilot: Pilot[int]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
            pilot.app.clear_notifications()
        for each in pilot.app.screen.query(Input):
            each.cursor_blink = False
        pilot.app.clear_notifications()
        await pilot.pause()

    return drive


def running(*, gate: bool, key: str = "", power: TouchedPower | None = None) -> Drive:
    """The Run screen with a batch in flight or at a gate; power: what the wave behind it touches."""

    async def drive(pilot: Pilot[int]) -> None:
        await steps("5")(pilot)
        watched(pilot.app, replace(batch_in_flight(gate=gate), power_ahead=power))  # type: ignore[arg-type]
        await pilot.pause()
        if key:
            await pilot.press(key)
        await pilot.pause()

    return drive


def showing(*keys: str, make: Callable[[], ModalScreen[Any]]) -> Drive:
    """That modal above the screen that these keys lead to."""

    async def drive(pilot: Pilot[int]) -> None:
        await steps(*keys)(pilot)
        pilot.app.push_screen(make())
        await settled(pilot)
        for each in pilot.app.screen.query(Input):
            each.cursor_blink = False
        await pilot.pause()

    return drive


def failed_vm() -> FailurePanel:
    """The VM that failed in the batch in flight."""
    row = next(row for row in batch_in_flight().vms if row.failure_title)
    return FailurePanel(row, ("02:14:07 db-prod-01 upload_s3", "02:14:11 db-prod-01 FAILED in upload_s3"))


def left_behind() -> LeftoversView:
    """A dear volume nobody uses, and an object that a resume would use."""
    volume = Found(EffectKind.VOLUME, "fr-par-1", "vol-7", "v2s-web-01-disk-0", "m1", "0a1b2c3d")
    transit = Found(
        EffectKind.OBJECT, "transit", "migrations/m2/disk-0.qcow2", "migrations/m2", "m2", "0a1b2c3d"
    )
    return LeftoversView(
        (
            Leftover(volume, 12.5, 4.32, "web-01", "its VM was skipped"),
            Leftover(transit, 0.4, 0.11, "db-01", "its VM failed in import_scw", resumable=True),
        )
    )


def undo_question() -> Confirm:
    """What `u` on a batch asks."""
    lines = (
        "web-01: instance 1b2c in fr-par-1: the Instance is stopped and deleted; whoever uses it loses it",
        "web-01: volume 7f3e in fr-par-1: the data written at Scaleway since the migration is lost",
        "web-01: image 9a8b in fr-par-1: no further Instance can be made of it",
    )
    title = "Undo 3 things of batch 0a1b2c3d?"
    return Confirm(title, lines, action="Remove them", danger=True, typed="0a1b2c3d")


PICTURES: dict[str, Drive] = {
    "inventory": steps("space", "space", "slash", *"os:linux", "enter"),
    "filter_error": steps("slash", *"cpu:many"),
    "sizing": steps("a", "p"),
    "plan": steps("a", "p", "3"),
    "estimate": steps("a", "p", "4"),
    "run": running(gate=False),
    "gate": running(gate=True),
    "batches": steps("6"),
}
COLD = TouchedPower("rest", before_copy=("web-dev-02",), when_complete=("batch-01",), hard=("batch-01",))
STATES: dict[str, Drive] = {
    "filter_completion": steps("slash", *"os:"),
    "facets": steps("f"),
    "columns": steps("O"),
    "sizing_edit": steps("a", "p", "e", *"pro2"),
    "types": steps("a", "p", "t"),
    "strategies": steps("a", "p", "C"),
    "why": steps("a", "p", "i"),
    "findings": steps("a", "p", "3", "f"),
    "what_if": steps("a", "p", "4", "l", "plus", "plus"),
    "failure": showing("5", make=failed_vm),
    "leftovers": showing("6", make=left_behind),
    "undo": showing("6", make=undo_question),
    "help": steps("question_mark"),
    "palette": steps("colon"),
    "welcome": showing(make=lambda: Welcome(Path("/srv"))),
    "connect": showing(make=lambda: Connect(Settings())),
    "no_batch": steps("5"),
    "gate_power": running(gate=True, power=COLD),
    "gate_power_asked": running(gate=True, power=COLD, key="c"),
}


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No animation, no zone of the developer's."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("v2s_tui.usecases.look_ahead.free_bytes", lambda folder: 10**12)
    monkeypatch.setattr("v2s_tui.usecases.check_plan.free_bytes", lambda folder: 10**12)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str, size: tuple[int, int], tmp_path: Path, snap_compare: Any) -> None:
    app = app_on_fakes(Path("/tmp/v2s-pictures") if name == "batches" else tmp_path)
    assert snap_compare(app, terminal_size=size, run_before=PICTURES[name])


@pytest.mark.parametrize("name", STATES)
def test_state(name: str, tmp_path: Path, snap_compare: Any) -> None:
    """What lies above the screens, where it is tightest."""
    app = app_on_fakes(Path("/tmp/v2s-pictures"))
    assert snap_compare(app, terminal_size=SIZES[0], run_before=STATES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", STATES)
def test_state_on_a_large_terminal(name: str, tmp_path: Path, snap_compare: Any) -> None:
    app = app_on_fakes(Path("/tmp/v2s-pictures"))
    assert snap_compare(app, terminal_size=SIZES[1], run_before=STATES[name])
