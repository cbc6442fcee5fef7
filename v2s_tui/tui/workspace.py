"""What the operator is working on: inventory, filter, marks, plan with undo. No widget, no thread, no I/O.

The plan is the single truth of sizing and waves: screens show what it resolves to, an edit makes a new plan,
undo goes back to the one before.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.tui.table_look import TableLook

UNDO_STEPS = 200


def vm_key(vm: Vm) -> str:
    """Identity of a VM for marks: survives a rename, not a re-creation."""
    return f"{vm.moref}/{vm.instance_uuid}"


@dataclass
class Workspace:
    """One operator's work. Listeners are told what changed: inventory, partial (a listing on its way), marks,
    plan. filter_text: as typed; it may be wrong. saved_filters: name -> filter text. looks: step -> how its
    table is wanted.
    """

    inventory: Inventory | None = None
    filter_text: str = ""
    marked: frozenset[str] = frozenset()
    saved_filters: dict[str, str] = field(default_factory=dict)
    looks: dict[str, TableLook] = field(default_factory=dict)
    plan: BatchPlan = field(default_factory=BatchPlan)
    plan_path: Path | None = None
    saved_plan: BatchPlan | None = None
    plan_digest: str = ""
    undo_stack: list[BatchPlan] = field(default_factory=list)
    redo_stack: list[BatchPlan] = field(default_factory=list)
    listeners: list[Callable[[str], None]] = field(default_factory=list)

    def _tell(self, what: str) -> None:
        for listener in list(self.listeners):
            listener(what)

    # --- inventory and marks ----------------------------------------------------------------------

    def set_inventory(self, inventory: Inventory) -> None:
        """A new listing; marks of VMs that vanished are dropped."""
        self.inventory = inventory
        self.marked &= frozenset(vm_key(vm) for vm in inventory)
        self._tell("inventory")

    def show_partial(self, inventory: Inventory) -> None:
        """The beginning of a listing, to browse while the rest comes; marks and plan wait for all of it."""
        self.inventory = inventory
        self._tell("partial")

    def toggle_marks(self, vms: Sequence[Vm]) -> None:
        """Mark these VMs, or unmark them when all are marked."""
        keys = frozenset(vm_key(vm) for vm in vms)
        self.marked = self.marked - keys if keys <= self.marked else self.marked | keys
        self._tell("marks")

    def clear_marks(self) -> None:
        """Unmark everything, hidden VMs too."""
        self.marked = frozenset()
        self._tell("marks")

    def marked_vms(self) -> tuple[Vm, ...]:
        """Marked VMs in inventory order, hidden by the filter or not."""
        return tuple(vm for vm in self.inventory or () if vm_key(vm) in self.marked)

    def hidden_marks(self, visible: Iterable[Vm]) -> int:
        """How many marked VMs are not among these."""
        return len(self.marked - frozenset(vm_key(vm) for vm in visible)) if self.marked else 0

    # --- plan -------------------------------------------------------------------------------------

    @property
    def dirty(self) -> bool:
        """True when the plan differs from the file it came from."""
        return self.plan != (self.saved_plan or BatchPlan())

    def open_plan(self, plan: BatchPlan, path: Path | None, *, digest: str = "") -> None:
        """Work on this plan, as it is in that file (None: not saved yet). digest: of the file's bytes."""
        self.plan, self.plan_path, self.plan_digest = plan, path, digest
        self.saved_plan = plan if path else None
        self.undo_stack.clear()
        self.redo_stack.clear()
        self._tell("plan")

    def saved(self, path: Path, *, digest: str = "") -> None:
        """The plan was written to that file, whose bytes have this digest now."""
        self.plan_path, self.saved_plan, self.plan_digest = path, self.plan, digest
        self._tell("plan")

    def edit(self, plan: BatchPlan) -> None:
        """Replace the plan by an edited one; undo brings the one before back."""
        if plan == self.plan:
            return
        self.undo_stack = [*self.undo_stack[-UNDO_STEPS:], self.plan]
        self.redo_stack.clear()
        self.plan = plan
        self._tell("plan")

    def undo(self) -> bool:
        """Back one edit; False when there is none."""
        return self._step(self.undo_stack, self.redo_stack)

    def redo(self) -> bool:
        """Forward one undone edit; False when there is none."""
        return self._step(self.redo_stack, self.undo_stack)

    def _step(self, source: list[BatchPlan], target: list[BatchPlan]) -> bool:
        if not source:
            return False
        target.append(self.plan)
        self.plan = source.pop()
        self._tell("plan")
        return True
