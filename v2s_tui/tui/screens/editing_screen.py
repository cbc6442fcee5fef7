"""A step that edits the plan: each edit is one step of undo."""

import textwrap
from collections.abc import Callable, Sequence

from v2s_tui.domain.planning.edit import without_vms
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.units import counted
from v2s_tui.tui.screens.flow_screen import FlowScreen


def for_names(what: str, names: Sequence[str]) -> str:
    """`Zone for web-01 and 3 more`."""
    return f"{what} for {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


class EditingScreen(FlowScreen):
    """What Sizing and Plan have in common."""

    def _why_empty(self, otherwise: Sequence[str]) -> Sequence[str]:
        """What stands in place of rows: what is wrong with the plan in hand or is waited for; else that."""
        note = self.v2s.outlook_note
        if not note:
            return otherwise
        ways = ["", "3 and then e opens the plan in your editor, u takes the last edit back"]
        return [
            *textwrap.wrap(note, self.size.width - 4),
            *(ways if self.v2s.background.plan_problem else []),
        ]

    def _edit(self, plan: BatchPlan) -> None:
        self.workspace.edit(plan)

    def _edit_lines(self, change: Callable[..., BatchPlan], *asked: object) -> None:
        """An edit of what the plan says of some VMs; the inventory tells which line means which."""
        self._edit(change(self.workspace.plan, *asked, inventory=self.workspace.inventory))

    def _remove(self, names: Sequence[str]) -> None:
        """Take VMs out of the plan, and say how they come back."""
        self._edit_lines(without_vms, names)
        self.notify(f"{counted(len(names), 'VM')} left the plan, u undoes it", timeout=6, markup=False)

    def action_undo(self) -> None:
        """Back one edit."""
        if not self.workspace.undo():
            self.notify("nothing to undo", timeout=3, markup=False)

    def action_redo(self) -> None:
        """Forward one undone edit."""
        if not self.workspace.redo():
            self.notify("nothing to redo", timeout=3, markup=False)
