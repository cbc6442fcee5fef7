"""What a key costs on 10,000 VMs, what the first paint costs, and what watching a large batch costs.

Process CPU, so that a busy machine does not count; ours against Textual's DataTable in one run, the first
paint against importing Textual alone. Run with `python tests/benchmarks/tui_keys.py`.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "tui")]

from app_under_test import batch_in_flight, inventory_vms, services_on_fakes, watched  # noqa: E402
from textual.app import App, ComposeResult  # noqa: E402
from textual.drivers.headless_driver import HeadlessDriver  # noqa: E402
from textual.pilot import Pilot  # noqa: E402
from textual.widgets import DataTable, Input  # noqa: E402

from v2s_tui.domain.execution.snapshot import BatchSnapshot, VmRow  # noqa: E402
from v2s_tui.domain.source.filters import parse_filter  # noqa: E402
from v2s_tui.domain.source.inventory import Inventory  # noqa: E402
from v2s_tui.domain.source.vm import Vm  # noqa: E402
from v2s_tui.presentation.inventory_columns import INVENTORY_COLUMNS  # noqa: E402
from v2s_tui.tui.app import V2sApp  # noqa: E402
from v2s_tui.tui.run_control import REPAINT_SECONDS  # noqa: E402
from v2s_tui.tui.widgets.filter_bar import FilterInput  # noqa: E402

VM_COUNT = 10_000
RUN_ROWS = 1_000
PROGRESS_PER_SECOND = 1_600
WATCH_SECONDS = 8.0
FILTERS = ("os:windows", "os:linux", "name:web-*", "cpu:>=3", "state:poweredOn", "firmware:bios", "")
"""Texts of which each shows another part of the list; "" is the worst: all rows come back."""
SIZE = (120, 40)


class PaintingDriver(HeadlessDriver):
    """Renders every frame as for a terminal (a headless driver skips that) and counts its bytes."""

    written = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        PaintingDriver.written += len(data.encode())

    def _get_terminal_size(self) -> tuple[int, int]:
        return SIZE


def fleet(count: int) -> tuple[Vm, ...]:
    """That many VMs like the ten of the tests."""
    patterns = list(inventory_vms().values())
    return tuple(
        replace(each, moref=f"vm-{number}", name=f"{each.name}-{number}", instance_uuid=str(number))
        for number in range(count)
        for each in [patterns[number % len(patterns)]]
    )


class TableApp(App[None]):
    """The obvious alternative: an Input above a DataTable that is refilled at every key."""

    def __init__(self, vms: tuple[Vm, ...]) -> None:
        super().__init__(driver_class=PaintingDriver)
        self._vms = vms

    def compose(self) -> ComposeResult:
        yield Input()
        yield DataTable[str]()

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns(*(column.title for column in INVENTORY_COLUMNS))
        self._fill(self._vms)

    def _fill(self, vms: list[Vm] | tuple[Vm, ...]) -> None:
        table = self.query_one(DataTable)
        table.clear()
        table.add_rows([[column.cell(vm) for column in INVENTORY_COLUMNS] for vm in vms])

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(parse_filter(event.value).select(self._vms) if event.value else self._vms)


T = TypeVar("T")


async def measured(app: App[Any], measure: Callable[[Pilot[Any]], Awaitable[T]]) -> T:
    """Run the app on the painting driver, measure inside it, leave."""
    found: list[T] = []

    async def auto(pilot: Pilot[Any]) -> None:
        await asyncio.sleep(1.0)
        found.append(await measure(pilot))
        app.exit()

    await app.run_async(size=SIZE, mouse=False, auto_pilot=auto)
    return found[0]


async def quiet() -> None:
    """Until nothing is to be done or painted."""
    still = 0
    while still < 3:
        before = time.process_time()
        await asyncio.sleep(0.05)
        still = still + 1 if time.process_time() - before < 0.004 else 0


async def filter_costs(box: Input) -> list[float]:
    """CPU seconds of each change of the filter until everything is painted."""
    await quiet()
    costs = []
    for text in FILTERS * 2:
        begin = time.process_time()
        box.value = text
        await quiet()
        costs.append(time.process_time() - begin)
    return costs


async def ours(folder: Path, vms: tuple[Vm, ...]) -> list[float]:
    """Our inventory screen with these VMs."""
    app = V2sApp(services_on_fakes(folder))
    app.driver_class = PaintingDriver

    async def measure(pilot: Pilot[Any]) -> list[float]:
        app.workspace.set_inventory(Inventory(vms, "benchmark", app.services.clock.now()))
        return await filter_costs(app.screen.query_one(FilterInput))

    return await measured(app, measure)


async def theirs(vms: tuple[Vm, ...]) -> list[float]:
    """A DataTable with the same rows and columns."""
    app = TableApp(vms)
    return await measured(app, lambda pilot: filter_costs(app.query_one(Input)))


def moving(picture: BatchSnapshot) -> Iterator[BatchSnapshot]:
    """Pictures of the batch in which PROGRESS_PER_SECOND numbers move, as a runner's deltas leave them."""
    rows: list[VmRow] = list(picture.vms)
    per_picture = int(PROGRESS_PER_SECOND * REPAINT_SECONDS)
    step = 0
    while True:
        for _ in range(per_picture):
            index = step % len(rows)
            rows[index] = replace(
                rows[index], done_bytes=rows[index].done_bytes + 65536, rate_bytes=9e7 + step
            )
            step += 1
        yield replace(picture, vms=tuple(rows))


async def watching(folder: Path) -> tuple[float, float]:
    """CPU share of one core, and bytes per second to the terminal, of the Run screen of a large batch."""
    app = V2sApp(services_on_fakes(folder))
    app.driver_class = PaintingDriver
    small = batch_in_flight()
    rows = tuple(replace(small.vms[number % 8], name=f"vm-{number:04}") for number in range(RUN_ROWS))
    pictures = moving(replace(small, vms=rows))

    async def measure(pilot: Pilot[Any]) -> tuple[float, float]:
        app.go_to("run")
        await quiet()
        made = [next(pictures) for _ in range(int(WATCH_SECONDS / REPAINT_SECONDS))]
        PaintingDriver.written, cpu, began = 0, time.process_time(), time.monotonic()
        for picture in made:
            watched(app, picture)
            await asyncio.sleep(REPAINT_SECONDS)
        seconds = time.monotonic() - began
        return (time.process_time() - cpu) / seconds, PaintingDriver.written / seconds

    return await measured(app, measure)


def import_seconds(code: str, cache: Path) -> float:
    """CPU seconds of a Python that runs this, least of five; with compiled modules cached, as installed."""
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    costs = []
    for _ in range(6):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environ, capture_output=True)
        after = os.times()
        user = after.children_user - before.children_user
        costs.append(user + after.children_system - before.children_system)
    return min(costs)


FIRST_PAINT = """
import sys, asyncio, tempfile, pathlib
from v2s_tui.bootstrap import build_services
from v2s_tui.config.settings import Settings
from v2s_tui.tui.app import V2sApp
class Once(V2sApp):
    def on_mount(self):
        self.call_after_refresh(self.exit)
Once(build_services(Settings(vmware={"vcenter": "127.0.0.1", "port": 1, "username": "x"}))).run(headless=True)
"""


def main() -> None:
    """Print the figures."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    vms = fleet(VM_COUNT)
    with tempfile.TemporaryDirectory() as folder:
        own = asyncio.run(ours(Path(folder) / "keys", vms))
        other = asyncio.run(theirs(vms))
        share, rate = asyncio.run(watching(Path(folder) / "run"))
        cache = Path(folder) / "compiled"
        textual = import_seconds("import textual.app, textual.widgets", cache)
        paint = import_seconds(FIRST_PAINT, cache)
    print(f"a filter on {VM_COUNT:,} VMs until painted, CPU ms median / max of {len(own)}:")
    for name, costs in (("ours", own), ("DataTable", other)):
        print(f"  {name:<10} {median(costs) * 1000:7.1f} / {max(costs) * 1000:7.1f}")
    print(f"  ratio      {median(other) / median(own):7.1f}x")
    print(f"first paint {paint * 1000:.0f} ms CPU, importing textual alone {textual * 1000:.0f} ms:", end=" ")
    print(f"{paint / textual:.2f}x")
    print(f"run screen, {RUN_ROWS:,} VMs, {PROGRESS_PER_SECOND:,} updates/s:")
    print(f"  {share:.1%} of a core (aim < 12 %), {rate / 1000:.1f} kB/s to the terminal (aim < 30 kB/s)")


if __name__ == "__main__":
    main()
