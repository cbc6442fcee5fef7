"""The app is a switchboard: screens by key, theme, session, background work. Screens do the rest."""

from pathlib import Path, PurePath
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.screens.inventory import InventoryScreen
from v2s_tui.tui.widgets.step_bar import STEPS, StepFacts
from v2s_tui.tui.workspace import Workspace
from v2s_tui.usecases.load_inventory import load_inventory
from v2s_tui.usecases.services import Services

_HERE = Path(__file__).parent


class V2sApp(App[int]):
    """`v2s` in a terminal. Returns the exit code."""

    TITLE = "v2s"
    ENABLE_COMMAND_PALETTE = True
    CSS_PATH: ClassVar[list[str | PurePath]] = [*sorted(_HERE.rglob("*.tcss"))]
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"step('{step}')", step.title(), id=f"step.{step}", show=False)
          for number, step in enumerate(STEPS, start=1)),
        Binding("question_mark", "help", "Help", id="app.help", key_display="?"),
        Binding("q", "quit", "Quit", id="app.quit"),
    ]  # fmt: skip

    def __init__(self, services: Services, workspace: Workspace | None = None) -> None:
        super().__init__()
        self.services = services
        self.workspace = workspace or Workspace()
        self.inventory_note = ""
        self.workspace.listeners.append(self._workspace_changed)
        self._screens: dict[str, FlowScreen] = {}

    def get_default_screen(self) -> Screen[None]:
        """Inventory is where it begins."""
        return self._flow_screen("inventory")

    def _flow_screen(self, step: str) -> FlowScreen:
        kinds: dict[str, type[FlowScreen]] = {"inventory": InventoryScreen}
        if step not in self._screens:
            self._screens[step] = kinds[step]()
        return self._screens[step]

    def on_mount(self) -> None:
        """Read the inventory behind the first paint."""
        self.reload_inventory()

    # --- what screens ask -------------------------------------------------------------------------

    def step_facts(self) -> dict[str, StepFacts]:
        """For the step bar."""
        plan = self.workspace.plan
        return {
            "inventory": StepFacts(
                str(len(self.workspace.inventory or ())) if self.workspace.inventory else ""
            ),
            "sizing": StepFacts(str(len(plan.migrations)) if plan.migrations else ""),
            "plan": StepFacts(f"{len(plan.waves)}w" if plan.waves else "", alarm=self.workspace.dirty),
        }

    def source_note(self) -> str:
        """Which vCenter, and whether its certificate goes unchecked."""
        vmware = self.services.settings.vmware
        return vmware.vcenter + (" TLS UNVERIFIED" if vmware.insecure else "")

    def _workspace_changed(self, what: str) -> None:
        screen = self.screen
        if isinstance(screen, FlowScreen) and screen.is_mounted:
            screen.refresh_bar()
            screen.refresh_view(what)

    # --- background work --------------------------------------------------------------------------

    def reload_inventory(self) -> None:
        """Read the inventory in a worker thread; the list grows as pages arrive."""
        self.inventory_note = "reading the inventory..."
        self._workspace_changed("marks")
        self.run_worker(
            self._read_inventory, thread=True, exclusive=True, group="inventory", exit_on_error=False
        )

    def _read_inventory(self) -> Inventory:
        return load_inventory(self.services)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Inventory arrived, or why not."""
        worker = event.worker
        if worker.group != "inventory":
            return
        if event.state is WorkerState.SUCCESS and worker.result is not None:
            self.inventory_note = ""
            self.workspace.set_inventory(worker.result)
        elif event.state is WorkerState.ERROR:
            self.inventory_note = "reading failed: r tries again"
            self.show_error(worker.error)
            self._workspace_changed("marks")

    def show_error(self, error: BaseException | None) -> None:
        """An error as the operator should read it."""
        if isinstance(error, V2sError):
            self.notify(error.hint or "", title=error.title, severity="error", timeout=15, markup=False)
        else:
            self.notify(repr(error), title="unexpected error", severity="error", timeout=15, markup=False)

    # --- keys -------------------------------------------------------------------------------------

    def action_step(self, step: str) -> None:
        """Go to a step of the flow."""
        self.switch_screen(self._flow_screen(step))

    def action_help(self) -> None:
        """Every key of this screen, from the key map itself."""
        lines = []
        for key, active in sorted(self.screen.active_bindings.items()):
            binding = active.binding
            if binding.description:
                lines.append(
                    f"  {binding.key_display or key:<12} {binding.description:<18} {binding.tooltip or ''}"
                )
        title = self.screen.HELP_TITLE if isinstance(self.screen, FlowScreen) else "Keys"
        self.push_screen(TextView(title, lines))
