"""How each screen looks in its main states, at 80x24 and 120x40. Update with `pytest --snapshot-update`."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from app_under_test import app_on_fakes, batch_in_flight, settled, watched
from textual.pilot import Pilot
from textual.widgets import Input

SIZES = [(80, 24), (120, 40)]
Drive = Callable[[Pilot[int]], Awaitable[None]]


def steps(*keys: str) -> Drive:
    """Press these keys once everything has settled."""

    async def drive(pilot: Pilot[int]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        for each in pilot.app.screen.query(Input):
            each.cursor_blink = False
        pilot.app.clear_notifications()
        await pilot.pause()

    return drive


def running(*, gate: bool, key: str = "") -> Drive:
    """The Run screen with a batch in flight or at a gate."""

    async def drive(pilot: Pilot[int]) -> None:
        await steps("5")(pilot)
        watched(pilot.app, batch_in_flight(gate=gate))  # type: ignore[arg-type]
        await pilot.pause()
        if key:
            await pilot.press(key)
        await pilot.pause()

    return drive


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
