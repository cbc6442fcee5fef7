"""What a key costs on 10,000 VMs, what the first paint costs, and what watching a large batch costs.

Keys go to the real app on a pseudo terminal, and to Textual's DataTable in turn: wall time from the key to
the last byte of its last frame, and CPU, which a busy machine changes less. The first paint is compared with
importing Textual alone. Run with `python tests/benchmarks/tui_keys.py`.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "tui")]

from app_under_test import batch_in_flight, inventory_vms, services_on_fakes, watched  # noqa: E402
from fakes.source import FakeSource  # noqa: E402
from fakes.world import World  # noqa: E402
from pty_app import Painted, PtyApp  # noqa: E402
from textual.app import App, ComposeResult  # noqa: E402
from textual.drivers.headless_driver import HeadlessDriver  # noqa: E402
from textual.pilot import Pilot  # noqa: E402
from textual.widgets import DataTable, Input, Label  # noqa: E402

from v2s_tui.domain.execution.snapshot import BatchSnapshot, VmRow  # noqa: E402
from v2s_tui.domain.source.filters import parse_filter  # noqa: E402
from v2s_tui.domain.source.vm import Firmware, PowerState, Vm  # noqa: E402
from v2s_tui.presentation.filter_words import found_anywhere  # noqa: E402
from v2s_tui.presentation.inventory_columns import INVENTORY_COLUMNS  # noqa: E402
from v2s_tui.tui.app import V2sApp  # noqa: E402
from v2s_tui.tui.run_control import REPAINT_SECONDS  # noqa: E402
from v2s_tui.tui.widgets.filter_bar import FilterInput  # noqa: E402
from v2s_tui.usecases.services import Lazy  # noqa: E402

VM_COUNT = 10_000
RUN_ROWS = 1_000
PROGRESS_PER_SECOND = 1_600
WATCH_SECONDS = 8.0
FILTER = "firmware:bios cpu:<=4 state:poweredOn os:linux "
"""Stands in the field already; the keys measured add a fifth term, delete it again, and at last empty the
field, so that all rows come back."""
BACKSPACE, EMPTY = "\x7f", "\x15"
KEYS = (*"w", BACKSPACE, *"975", *[BACKSPACE] * 3, EMPTY)
ROUNDS = 3
STARTS = 5
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
    """That many VMs like the ten of the tests; every fourth is off, every third boots by EFI."""
    patterns = list(inventory_vms().values())
    return tuple(
        replace(
            patterns[number % len(patterns)],
            moref=f"vm-{number}",
            name=f"{patterns[number % len(patterns)].name}-{number}",
            instance_uuid=str(number),
            power_state=PowerState.ON if number % 4 else PowerState.OFF,
            firmware=Firmware.BIOS if number % 3 else Firmware.EFI,
        )
        for number in range(count)
    )


class TableApp(App[None]):
    """The obvious alternative: an Input above a DataTable that is refilled at every key."""

    def __init__(self, vms: tuple[Vm, ...]) -> None:
        super().__init__()
        self._vms = vms

    def compose(self) -> ComposeResult:
        yield Input()
        yield Label(id="count")
        yield DataTable[str]()

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self.query_one(DataTable).add_columns(*(column.title for column in INVENTORY_COLUMNS))
        self._fill(self._vms)

    def _fill(self, vms: Sequence[Vm]) -> None:
        table = self.query_one(DataTable)
        table.clear()
        table.add_rows([[column.cell(vm) for column in INVENTORY_COLUMNS] for vm in vms])
        self.query_one("#count", Label).update(f"{len(vms):,} of {len(self._vms):,} VMs")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(parse_filter(found_anywhere(event.value)).select(self._vms))


class OurApp(V2sApp):
    """Ours, with a cursor that does not blink: a blink is a frame too."""

    def on_mount(self) -> None:
        super().on_mount()
        self.screen.query_one(FilterInput).cursor_blink = False


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


def keys_on(which: str) -> list[Painted]:
    """Type a word into the filter of that app and delete it, then the whole filter, ROUNDS times."""
    argv = [sys.executable, __file__, "--app", which]
    environ = {**os.environ, "TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none"}
    painted = []
    with PtyApp(argv, columns=SIZE[0], rows=SIZE[1], environ=environ) as app:
        app.rest(time.perf_counter())
        app.press("/")
        for _ in range(ROUNDS):
            app.press(f"\x1b[200~{FILTER}\x1b[201~")
            painted += [app.press(key) for key in KEYS]
    return painted


def start_ours(vms: tuple[Vm, ...]) -> None:
    """Our app with these VMs in hand, as if vCenter had listed them."""
    with tempfile.TemporaryDirectory() as folder:
        source = FakeSource(World(), {vm.moref: vm for vm in vms})
        OurApp(replace(services_on_fakes(Path(folder)), source=Lazy(lambda: source))).run()


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


CONFIG = """
vmware: {vcenter: 127.0.0.1, port: 1, username: operator, password_env: V2S_NOTHING}
scaleway: {access_key_env: V2S_NOTHING, secret_key_env: V2S_NOTHING}
"""
TEXTUAL_ALONE = """
from textual.app import App
from textual.widgets import Static
class Alone(App[None]):
    def compose(self):
        yield Static("Inventory")
Alone().run()
"""


def first_paints(argv: Sequence[str], folder: Path) -> list[Painted]:
    """Start to the first frame, several times; modules compiled before, as installed."""
    environ = {**os.environ, "TERM": "xterm-256color", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environ |= {"V2S_NOTHING": "x", "XDG_STATE_HOME": str(folder)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    found = []
    for _ in range(STARTS + 1):
        with PtyApp(argv, columns=SIZE[0], rows=SIZE[1], environ=environ) as app:
            found.append(app.first(b"Inventory"))
    return found[1:]


def start_figures(name: str, painted: Sequence[Painted]) -> str:
    """Least and median CPU, and least wall time, in ms."""
    cpu = sorted(each.cpu_seconds * 1000 for each in painted)
    wall = min(each.wall_seconds * 1000 for each in painted)
    return f"  {name:<14} CPU least {cpu[0]:6.0f}  p50 {median(cpu):6.0f}   wall least {wall:6.0f}"


def start_table(vms: tuple[Vm, ...]) -> None:
    """The DataTable with the same rows and columns."""
    TableApp(vms).run()


APPS = {"ours": start_ours, "DataTable": start_table}


def key_figures(name: str, painted: Sequence[Painted]) -> str:
    """One line: wall p50 and p95, CPU p50 and worst, all in ms, and bytes a key."""
    wall = sorted(each.wall_seconds * 1000 for each in painted)
    cpu = sorted(each.cpu_seconds * 1000 for each in painted)
    written = median(each.bytes_written for each in painted)
    return (
        f"  {name:<10} wall p50 {median(wall):7.1f}  p95 {wall[int(len(wall) * 0.95)]:7.1f}"
        f"   CPU p50 {median(cpu):7.1f}  worst {cpu[-1]:7.1f}   {written / 1000:.1f} kB a key"
    )


def print_starts(folder: Path) -> None:
    """`v2s` as it is installed, and an app that shows one word."""
    config = folder / "migration.yaml"
    config.write_text(CONFIG)
    own = first_paints([sys.executable, "-m", "v2s_tui.cli.main", "--config", str(config)], folder)
    alone = first_paints([sys.executable, "-c", TEXTUAL_ALONE], folder)
    print(start_figures("v2s", own), start_figures("textual alone", alone), sep="\n")
    ratio = min(each.cpu_seconds for each in own) / min(each.cpu_seconds for each in alone)
    print(f"  v2s needs {ratio:.2f} times the CPU of textual alone")


def main() -> None:
    """Print the figures."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    own, other = keys_on("ours"), keys_on("DataTable")
    print(f"a filter key on {VM_COUNT:,} VMs until painted, {SIZE[0]}x{SIZE[1]}, {len(own)} keys, in ms:")
    print(key_figures("ours", own), key_figures("DataTable", other), sep="\n")
    for what in ("wall_seconds", "cpu_seconds"):
        ratio = median(getattr(each, what) for each in other) / median(getattr(each, what) for each in own)
        print(f"  {what.partition('_')[0]}: DataTable needs {ratio:.1f} times that")
    with tempfile.TemporaryDirectory() as folder:
        share, rate = asyncio.run(watching(Path(folder) / "run"))
        print("from the start of the process to the first paint, in ms:")
        print_starts(Path(folder))
    print(f"run screen, {RUN_ROWS:,} VMs, {PROGRESS_PER_SECOND:,} updates/s:")
    print(f"  {share:.1%} of a core (aim < 12 %), {rate / 1000:.1f} kB/s to the terminal (aim < 30 kB/s)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        APPS[sys.argv[2]](fleet(VM_COUNT))
    else:
        main()
