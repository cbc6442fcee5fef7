"""Work behind the screens: reading the inventory, and working out what the plan means."""

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.usecases.load_inventory import kept_inventory, load_inventory
from v2s_tui.usecases.services import Services

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp
    from v2s_tui.usecases.look_ahead import Outlook


T = TypeVar("T")
PARTIAL = "listing on its way"
"""Source of an inventory of which not all pages have come yet."""


@dataclass
class _Pages:
    """Pages of a listing as they come; filled by one thread, read by the loop."""

    began_at: datetime
    vms: list[Vm] = field(default_factory=list)

    def add(self, vms: tuple[Vm, ...]) -> None:
        self.vms.extend(vms)


def _check(services: Services, plan: BatchPlan, inventory: Inventory, *, ask: bool) -> "Outlook":
    from v2s_tui.usecases.check_plan import check_plan  # noqa: PLC0415 - brings host probes

    return check_plan(services, plan, inventory, ask=ask)


class BackgroundWork:
    """Starts threads and takes their results on the loop; one of each kind at a time, the newest wins."""

    def __init__(self, app: "V2sApp") -> None:
        self._app = app
        self.inventory_note = ""
        self.outlook: Outlook | None = None
        self.plan_problem = ""
        self._outlook_work = ""
        self._then: dict[str, Callable[[Any], None]] = {}

    @property
    def outlook_note(self) -> str:
        """Why there is no outlook, or what is still asked for it; "" when it is whole, or nothing is planned.

        plan_problem: the same where the plan cannot be worked out as it is.
        """
        note = self.plan_problem or self._outlook_work
        if note or self.outlook is not None or not self._app.workspace.plan.migrations:
            return note
        return f"waits for the inventory (screen 1: {self.inventory_note or 'r reads it'})"

    def open_kept(self) -> None:
        """Show the listing kept from last time at once, where there is one."""
        self._start("kept", lambda: kept_inventory(self._app.services))

    def read_inventory(self) -> None:
        """Read the inventory; what is on screen stays usable meanwhile."""
        self.inventory_note = "reading the inventory..."
        self._app.refresh_screen("marks")
        loop, pages = asyncio.get_running_loop(), _Pages(self._app.services.clock.now())

        def page(vms: tuple[Vm, ...]) -> None:
            pages.add(vms)
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._page_came, pages)

        self._start("inventory", lambda: load_inventory(self._app.services, page))

    def _page_came(self, pages: "_Pages") -> None:
        """Tell how far it is; show what came where nothing was shown before."""
        work = self._app.workspace
        if not self.inventory_note or not pages.vms:
            return
        self.inventory_note = f"reading the inventory... {len(pages.vms)} VMs so far"
        if work.inventory is None or work.inventory.source == PARTIAL:
            work.show_partial(Inventory(tuple(pages.vms), PARTIAL, pages.began_at))
        else:
            self._app.refresh_screen("marks")

    def work_out(self) -> None:
        """Work out what the plan means now: at once without asking anyone, then with quotas and rights."""
        work, services = self._app.workspace, self._app.services
        plan, inventory = work.plan, work.inventory
        self._app.workers.cancel_group(self._app, "facts")
        self.plan_problem = ""
        if inventory is None or inventory.source == PARTIAL or not plan.migrations:
            self.outlook, self._outlook_work = None, ""
            return
        self._outlook_work = "working it out..."
        self._start("outlook", lambda: _check(services, plan, inventory, ask=False))

    def _ask_around(self, plan: BatchPlan) -> None:
        """Look at quotas, usage and rights too; both ends are asked."""
        work, services = self._app.workspace, self._app.services
        inventory = work.inventory
        if inventory is not None and plan == work.plan:
            self._outlook_work = "asking for quotas and rights..."
            self._start("facts", lambda: _check(services, plan, inventory, ask=True))

    def ask(self, group: str, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do the work in a thread, then(result) on the loop; an error is shown and then is not called.

        Of one group only the newest counts.
        """
        self._then[group] = then
        self._start(group, work)

    def _start(self, group: str, work: Callable[[], object]) -> None:
        self._app.run_worker(work, thread=True, exclusive=True, group=group, exit_on_error=False)

    def succeeded(self, group: str, result: Any) -> None:
        """A thread has its result."""
        if group == "kept":
            if isinstance(result, Inventory) and self._nothing_listed:
                self._app.workspace.set_inventory(result)
        elif group == "inventory" and isinstance(result, Inventory):
            self.inventory_note = ""
            self._app.workspace.set_inventory(result)
            # Else each full collection looks at every VM again: 60 ms in which no key is answered.
            gc.freeze()
        elif group in {"outlook", "facts"}:
            self.outlook, self.plan_problem, self._outlook_work = result, "", ""
            if group == "outlook":
                self._ask_around(result.plan)
            self._app.refresh_screen("outlook")
        elif group in self._then:
            self._then.pop(group)(result)

    @property
    def _nothing_listed(self) -> bool:
        listed = self._app.workspace.inventory
        return listed is None or listed.source == PARTIAL

    def failed(self, group: str, error: BaseException | None) -> None:
        """A thread could not do it: say why, keep what there was."""
        if group == "inventory":
            self.inventory_note = "reading failed: r tries again"
            if self._nothing_listed:
                self._app.workspace.inventory = None
        elif group in {"outlook", "facts"}:
            self.outlook, self._outlook_work = None, ""
            self.plan_problem = str(error) if isinstance(error, V2sError) else "the plan cannot be worked out"
        else:
            self._then.pop(group, None)
            self._app.show_error(error)
            return
        if group == "inventory" or not isinstance(error, V2sError):
            self._app.show_error(error)
        self._app.refresh_screen("all")
