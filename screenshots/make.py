"""Makes the pictures of the README: `python screenshots/make.py` (two or three minutes).

The lab serves twelve VMs; the real app is driven by keys, runs a plan and is photographed. Gate and failure
are real too: the plan's first wave has a gate, and a fault rule refuses one snapshot.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from lab_process import lab_process  # noqa: E402
from textual.pilot import Pilot  # noqa: E402
from textual.widgets import Input  # noqa: E402

from v2s_tui.bootstrap import open_services  # noqa: E402
from v2s_tui.domain.execution.snapshot import BatchSnapshot  # noqa: E402
from v2s_tui.tui.app import V2sApp  # noqa: E402

SIZE = (120, 34)
FOLDER = Path("/tmp/v2s-pictures")  # noqa: S108 - stands in the pictures, so it is always the same
FAULTS = {
    "rules": [
        {"server": "vcenter", "operation": "CreateSnapshot_Task", "subject": "db-prod-01", "first": 1,
         "fault": "NoPermission"},
        {"server": "vcenter", "operation": "GET /nfc/*", "bytes_per_second": 400_000},
    ]
}  # fmt: skip
PLAN = {
    "version": 1,
    "defaults": {
        "zone": "fr-par-1",
        "adapt": False,
        "accept": {"bios-as-is": "pictures only"},
    },
    "migrations": [{"vm_pattern": f"{name}-*"} for name in ("web", "db", "app", "batch")],
    "waves": [
        {"name": "canary", "vms": ["web-dev-*"], "pause_after": "pause"},
        {"name": "production", "vms": ["web-prod-*", "app-*", "db-*"], "pause_after": "pause_on_failure"},
        {"name": "rest", "vms": ["batch-*"], "pause_after": "continue"},
    ],
}


class Camera:
    """One app on the lab, its keys and its pictures."""

    def __init__(self, app: V2sApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            await self._pilot.press(key)
        await self._pilot.pause(0.2)

    async def until(self, happened: Callable[[], bool], seconds: float = 240) -> None:
        """Wait for it; fail when it never happens."""
        for _ in range(int(seconds * 5)):
            if happened():
                return
            await self._pilot.pause(0.2)
        raise SystemExit(f"never happened: {happened.__name__}; batch: {self.app.batch}")

    async def take(self, name: str) -> None:
        """Write `screenshots/name.svg`."""
        self.app.clear_notifications()
        for each in self.app.screen.query(Input):
            each.cursor_blink = False
        await self._pilot.pause(0.5)
        (HERE / f"{name}.svg").write_text(self.app.export_screenshot(title="v2s"), encoding="utf-8")


async def photograph(camera: Camera, plan: Path) -> None:
    """The flow from the inventory to the report."""
    app = camera.app

    def batch() -> BatchSnapshot | None:
        return app.batch

    def idle() -> bool:
        return app.outlook is not None and not app.outlook_note

    await camera.until(lambda: bool(app.workspace.inventory) and not app.inventory_note)
    await camera.press("f", "escape", "slash", *"os:linux", "enter", "space", "space", "space")
    await camera.take("inventory")
    app.open_plan(plan)
    await camera.until(idle)
    await camera.press("2", "space", "down", "space")
    await camera.take("sizing")
    await camera.press("3")
    await camera.take("plan")
    await camera.press("4")
    await camera.take("estimate")
    await camera.press("5", "n")
    await camera.press("right", "enter")
    await camera.until(lambda: (now := batch()) is not None and now.gate is not None)
    await camera.until(lambda: app.runs.coming is not None, 30)
    await camera.take("gate")
    await camera.press("c")
    await camera.until(lambda: (now := batch()) is not None and now.counters.rate_bytes > 0)
    await camera.take("run")
    await camera.until(lambda: (now := batch()) is not None and now.counters.failed > 0)
    failed = [row.name for row in app.batch.vms if row.failure_title] if app.batch else []
    table = app.screen.query_one("#run-table")
    table.move_cursor([row.name for row in table.rows].index(failed[0]))  # type: ignore[attr-defined]
    await camera.press("enter")
    await camera.take("failure")
    await camera.press("escape")
    await camera.until(lambda: (now := batch()) is not None and now.gate is not None)
    await camera.press("C")
    await camera.until(lambda: (now := batch()) is not None and now.completed_at is not None)
    await camera.press("6")
    await camera.take("batches")


def prepared() -> tuple[Path, Path]:
    """A fresh folder; plan and fault rules in it."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    plan, faults = FOLDER / "plan.yaml", FOLDER / "faults.yaml"
    plan.write_text(yaml.safe_dump(PLAN, sort_keys=False))
    faults.write_text(yaml.safe_dump(FAULTS))
    return plan, faults


async def main() -> None:
    """Start the lab, drive the app, write the pictures."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    plan, faults = prepared()
    with (
        lab_process(FOLDER / "lab", "--scenario", "demo", "--faults", str(faults)) as lab,
        open_services(lab.config, warn=print) as services,
    ):
        app = V2sApp(services)
        async with app.run_test(size=SIZE) as pilot:
            await photograph(Camera(app, pilot), plan)
    shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
