"""Work behind the screens: reading the inventory, and working out what the plan means."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from v2s_tui.domain.errors import PlanError, V2sError
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.usecases.check_plan import check_plan
from v2s_tui.usecases.load_inventory import load_inventory
from v2s_tui.usecases.look_ahead import Outlook

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp


class BackgroundWork:
    """Starts threads and takes their results on the loop; one of each kind at a time, the newest wins."""

    def __init__(self, app: "V2sApp") -> None:
        self._app = app
        self.inventory_note = ""
        self.outlook: Outlook | None = None
        self.outlook_note = ""

    def read_inventory(self) -> None:
        """Read the inventory; what is on screen stays usable meanwhile."""
        self.inventory_note = "reading the inventory..."
        self._app.refresh_screen("marks")
        self._start("inventory", lambda: load_inventory(self._app.services))

    def work_out(self) -> None:
        """Work out what the plan means now."""
        work, services = self._app.workspace, self._app.services
        plan, inventory = work.plan, work.inventory
        if inventory is None or not plan.migrations:
            self.outlook, self.outlook_note = None, ""
            return
        self.outlook_note = "working it out..."
        self._start("outlook", lambda: check_plan(services, plan, inventory))

    def _start(self, group: str, work: Callable[[], object]) -> None:
        self._app.run_worker(work, thread=True, exclusive=True, group=group, exit_on_error=False)

    def succeeded(self, group: str, result: Any) -> None:
        """A thread has its result."""
        if group == "inventory" and isinstance(result, Inventory):
            self.inventory_note = ""
            self._app.workspace.set_inventory(result)
        elif group == "outlook" and isinstance(result, Outlook):
            self.outlook, self.outlook_note = result, ""
            self._app.refresh_screen("outlook")

    def failed(self, group: str, error: BaseException | None) -> None:
        """A thread could not do it: say why, keep what there was."""
        if group == "inventory":
            self.inventory_note = "reading failed: r tries again"
        elif group == "outlook":
            self.outlook = None
            self.outlook_note = (
                str(error) if isinstance(error, PlanError) else "the plan cannot be worked out"
            )
        else:
            return
        if group == "inventory" or not isinstance(error, V2sError):
            self._app.show_error(error)
        self._app.refresh_screen("all")
