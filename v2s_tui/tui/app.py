"""The app is a switchboard: screens by key, theme, session, background work. Screens do the rest."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from v2s_tui.domain.errors import StateError, V2sError
from v2s_tui.presentation.columns import Column
from v2s_tui.tui.background import BackgroundWork
from v2s_tui.tui.beginning import welcome
from v2s_tui.tui.keymap import KEY_COLUMNS, KeyLine, key_lines
from v2s_tui.tui.leaving import forget_signals, leave_on_signals
from v2s_tui.tui.looks import ASCII_CLASS, THEMES, add_themes, fit_no_color, set_ascii, wants_ascii
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.session import CarefulStore, SessionStore, WorkspaceKeeper, recall_workspace
from v2s_tui.tui.step_facts import step_facts
from v2s_tui.tui.widgets.step_bar import STEPS, StepFacts
from v2s_tui.tui.workspace import Workspace
from v2s_tui.usecases.edit_plan_file import open_plan_file, save_plan_file
from v2s_tui.usecases.services import Services

if TYPE_CHECKING:
    from v2s_tui.domain.execution.snapshot import BatchSnapshot
    from v2s_tui.tui.cleaning import Cleaning
    from v2s_tui.tui.run_control import RunControl
    from v2s_tui.tui.starting import Starting
    from v2s_tui.usecases.look_ahead import Outlook

_HERE = Path(__file__).parent
_KEEP_SECONDS = 2.0
_CLASSES = {
    "inventory": "InventoryScreen",
    "sizing": "SizingScreen",
    "plan": "PlanScreen",
    "estimate": "EstimateScreen",
    "run": "RunScreen",
    "batches": "BatchesScreen",
}


def _screen(step: str) -> Screen[Any]:
    """The screen of that step, imported when it is first gone to: the first paint waits for one only."""
    screen: Screen[Any] = getattr(import_module(f"v2s_tui.tui.screens.{step}"), _CLASSES[step])()
    return screen


class V2sApp(App[int]):
    """`v2s` in a terminal. Returns the exit code."""

    TITLE = "v2s"
    CSS_PATH: ClassVar[list[str | PurePath]] = [*sorted(_HERE.rglob("*.tcss"))]
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        step: partial(_screen, step) for step in _CLASSES
    }
    DEFAULT_MODE = "inventory"
    HORIZONTAL_BREAKPOINTS = [(0, "narrow"), (120, "wide-screen")]  # noqa: RUF012 - Textual's attribute
    VERTICAL_BREAKPOINTS = [(0, "tiny"), (16, "low"), (32, "tall")]  # noqa: RUF012 - Textual's attribute
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"step('{step}')", step.title(), id=f"step.{step}", show=False)
          for number, step in enumerate(STEPS, start=1)),
        Binding("question_mark", "help", "Help", id="app.help", key_display="?"),
        Binding("colon", "command_palette", "All", id="app.commands", key_display=":"),
        Binding("ctrl+t", "theme", "Theme", id="app.theme", show=False),
        Binding("q", "quit", "Quit", id="app.quit"),
    ]  # fmt: skip

    def __init__(self, services: Services, *, session: SessionStore | None = None) -> None:
        super().__init__()
        add_themes(self)
        self.services = services
        self.session = CarefulStore(session, self._keeping_ended) if session else None
        self._keeper = WorkspaceKeeper(self.session) if self.session else None
        self.workspace = recall_workspace(self.session) if self.session else Workspace()
        self.exits = ExitStack()
        self.background = BackgroundWork(self)
        self.workspace.listeners.append(self._workspace_changed)

    def on_mount(self) -> None:
        """Go on where the last session was left; the inventory is read behind the first paint."""
        leave_on_signals(self)
        self._recall_looks()
        self._begin()
        where = self.session.get("where") if self.session else {}
        if where.get("batch"):
            self.runs.watch(where["batch"])
        if where.get("step") in STEPS:
            self.go_to(where["step"])
        self.set_interval(_KEEP_SECONDS, self.keep_session)

    def _begin(self) -> None:
        """Read the inventory; without any configuration say how to begin instead."""
        settings = self.services.settings
        if settings.source is None and not settings.vmware.vcenter:
            self.background.inventory_note = "no vCenter is configured"
            self.call_after_refresh(welcome, self)
            return
        # After the first frame: who opens vCenter brings its client library, which would be in its way.
        self.call_after_refresh(self.background.open_kept)
        self.call_after_refresh(self.background.read_inventory)

    async def on_unmount(self) -> None:
        """Keep the session, let go of the runner; it goes on."""
        forget_signals()
        self.keep_session()
        if self._watching is not None:
            await self._watching.leave()
        self.exits.close()

    def watch_theme(self) -> None:
        """NO_COLOR means another thing in another theme."""
        fit_no_color(self)

    def keep_session(self) -> None:
        """Write what is in hand where it changed; a dropped connection loses a second or two at most."""
        if self.session is None or self._keeper is None:
            return
        self._keeper.keep(self.workspace)
        watched = self._watching.batch_id if self._watching else ""
        where = {"step": self.current_mode, "batch": watched}
        if self.session.get("where") != where:
            self.session.put("where", where)

    def _keeping_ended(self, error: StateError) -> None:
        hint = "what you do from now on is not kept for the next start; ctrl+s on screen 3 saves the plan"
        self.show_error(StateError(error.title, hint=hint))

    def use_services(self, services: Services) -> None:
        """Go on with other settings, given at the first start."""
        self.services = services
        self.exits.callback(services.close)
        self._begin()

    def _recall_looks(self) -> None:
        looks = self.session.get("looks") if self.session else {}
        if looks.get("theme") in self.available_themes:
            self.theme = looks["theme"]
        set_ascii(self, on=bool(looks.get("ascii", wants_ascii())))

    def _keep_looks(self) -> None:
        if self.session is not None:
            self.session.put("looks", {"theme": self.theme, "ascii": self.has_class(ASCII_CLASS)})

    @cached_property
    def cleaning(self) -> "Cleaning":
        """Undo and leftovers."""
        from v2s_tui.tui.cleaning import Cleaning  # noqa: PLC0415 - brings the engine; not for the first paint

        return Cleaning(self)

    @cached_property
    def runs(self) -> "RunControl":
        """The batch that is watched."""
        from v2s_tui.tui.run_control import RunControl  # noqa: PLC0415 - brings the engine; not for the first paint

        return RunControl(self)

    @property
    def _watching(self) -> "RunControl | None":
        """The same, None where no batch was looked at yet."""
        return self.__dict__.get("runs")

    @cached_property
    def starting(self) -> "Starting":
        """Starting and resuming batches."""
        from v2s_tui.tui.starting import Starting  # noqa: PLC0415 - brings the engine; not for the first paint

        return Starting(self)

    # --- what screens ask --------------------------------------------------------------------------

    @property
    def outlook(self) -> "Outlook | None":
        """What the plan means, as of the last look."""
        return self.background.outlook

    @property
    def outlook_note(self) -> str:
        """Why there is no outlook, "" when there is one."""
        return self.background.outlook_note

    @property
    def inventory_note(self) -> str:
        """What is going on with the inventory, "" when nothing is."""
        return self.background.inventory_note

    @property
    def batch(self) -> "BatchSnapshot | None":
        """The batch being watched."""
        return self._watching.snapshot if self._watching else None

    def step_facts(self) -> dict[str, StepFacts]:
        """For the step bar."""
        starting = self._watching is not None and self._watching.starting
        return step_facts(self.workspace, self.outlook, self.batch, starting=starting)

    def kept_filters(self) -> Mapping[str, str]:
        """Filters by name: those of migration.yaml and the session's own, which win."""
        return {**self.services.settings.filters, **self.workspace.saved_filters}

    def source_note(self) -> str:
        """Which vCenter, and whether its certificate goes unchecked."""
        vmware = self.services.settings.vmware
        return vmware.vcenter + (" TLS UNVERIFIED" if vmware.insecure else "")

    def zones(self) -> tuple[str, ...]:
        """Zones that can be chosen."""
        from v2s_tui.adapters.formats.bundled_catalogue import bundled_zones  # noqa: PLC0415 - reads a file

        return bundled_zones()

    def _workspace_changed(self, what: str) -> None:
        if what in {"plan", "inventory"}:
            self.background.work_out()
        self.refresh_screen(what)

    def refresh_screen(self, what: str) -> None:
        """Repaint the screen in front, where it is one of the flow."""
        screen = self.screen_stack[0] if self.screen_stack else None
        if isinstance(screen, FlowScreen) and screen.is_mounted and screen.is_current:
            screen.refresh_bar()
            screen.refresh_view(what)

    # --- plan files --------------------------------------------------------------------------------

    def open_plan(self, path: Path) -> None:
        """Work on that file; what is wrong with it is shown and the plan in hand stays."""
        try:
            opened = open_plan_file(path)
        except V2sError as error:
            self.show_error(error)
            return
        self.workspace.open_plan(opened.plan, path, digest=opened.digest)

    def save_plan(self, path: Path) -> bool:
        """Write the plan there; False when that was refused."""
        digest = self.workspace.plan_digest if path == self.workspace.plan_path else ""
        try:
            saved = save_plan_file(self.workspace.plan, path, digest=digest)
        except V2sError as error:
            self.show_error(error)
            return False
        self.workspace.saved(path, digest=saved.digest)
        self.notify(f"saved {path}", timeout=3, markup=False)
        return True

    # --- background work ---------------------------------------------------------------------------

    def reload_inventory(self) -> None:
        """Read the inventory again."""
        self.background.read_inventory()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Hand results to whoever asked for them."""
        worker = event.worker
        if event.state is WorkerState.SUCCESS:
            self.background.succeeded(worker.group, worker.result)
        elif event.state is WorkerState.ERROR:
            self.background.failed(worker.group, worker.error)

    def show_error(self, error: BaseException | None) -> None:
        """An error as the operator should read it."""
        if isinstance(error, V2sError):
            self.notify(error.hint or " ", title=error.title, severity="error", timeout=15, markup=False)
        else:
            self.notify(repr(error), title="unexpected error", severity="error", timeout=15, markup=False)

    # --- runs --------------------------------------------------------------------------------------

    def ask_to_start(self) -> None:
        """Say what will happen, and start when confirmed."""
        self.starting.ask_to_start()

    def watch_batch(self, batch_id: str) -> None:
        """Show that batch on the Run screen."""
        self.runs.watch(batch_id)

    def resume_batch(self, batch_id: str) -> None:
        """Go on with it in a runner of its own, after saying where each VM goes on."""
        self.starting.ask_to_resume(batch_id)

    def command(self, name: str, **values: object) -> None:
        """Tell the runner."""
        self.runs.command(name, **values)

    # --- keys --------------------------------------------------------------------------------------

    def go_to(self, step: str) -> None:
        """Show that step of the flow."""
        if self.current_mode != step:
            self.switch_mode(step)

    async def action_step(self, step: str) -> None:
        """Go to a step of the flow; keys typed meanwhile are for the step they lead to."""
        if self.current_mode != step:
            await self.switch_mode(step)

    def get_key_display(self, binding: Binding) -> str:
        """How a key reads; arrows as words in ASCII mode."""
        shown = super().get_key_display(binding)
        return shown if shown.isascii() or not self.has_class(ASCII_CLASS) else binding.key

    def action_help(self) -> None:
        """Every key of this screen from the key map itself: type to search, enter does it."""
        screen = self.screen
        title = screen.HELP_TITLE if isinstance(screen, FlowScreen) else "Keys"
        help_list = Choose[KeyLine](title, KEY_COLUMNS, key_lines(screen), enter="do it")
        self.push_screen(help_list, self._do)

    def _do(self, line: KeyLine | None) -> None:
        if line is not None:
            self.call_later(self.run_action, line.action, line.node)

    def action_command_palette(self) -> None:
        """Every action by name; without the magnifying glass, which many terminal fonts lack."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder="what do you want to do?", id="--command-palette"))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """For the palette: every action of the screen and every step."""
        for line in key_lines(screen):
            title = f"Go to {line.text}" if line.action.startswith("step(") else line.text
            if line.action != "command_palette" and line.place != "list":
                yield SystemCommand(title, f"key {line.key_text}", partial(self._do, line))
        yield SystemCommand("ASCII only on or off", "for fonts without line drawing", self.action_ascii)

    def action_theme(self) -> None:
        """Choose how the app looks; kept for the next time."""
        column: Column[str] = Column("theme", "Theme", 56, lambda name: f"{name}: {THEMES[name]}")

        def chosen(name: str | None) -> None:
            if name is not None:
                self.theme = name
                self._keep_looks()

        self.push_screen(Choose[str]("Theme", (column,), list(THEMES), selected=self.theme), chosen)

    def action_ascii(self) -> None:
        """Nothing but ASCII on every screen, or line drawing again."""
        set_ascii(self, on=not self.has_class(ASCII_CLASS))
        self._keep_looks()
