"""The closed gate on the Run screen, and the question before it opens on a wave that touches its sources."""

from rich.cells import cell_len
from textual.widgets import Static

from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.domain.units import counted
from v2s_tui.presentation.run_detail import ComingWave, gate_lines, gate_power_lines
from v2s_tui.tui.looks import alarmed
from v2s_tui.tui.modals.confirm import Confirm

_MOST_NAMES = 6
"""In the box; the question names all."""
_MOST_LINES = 10
"""Of the box on the smallest screen (screens.tcss): why, what comes next and the keys are never below it."""


class GatePanel(Static):
    """What happened, why it is closed, what comes next; whose power that touches in red."""

    def __init__(self) -> None:
        super().__init__(id="run-gate", markup=False)

    def show(self, snapshot: BatchSnapshot | None, coming: ComingWave | None, keys: str) -> None:
        """The gate of this picture; hidden when none is closed. keys: those that act on it."""
        self.display = snapshot is not None and snapshot.gate is not None
        if snapshot is not None and self.display:
            lines = self._fitting(snapshot, coming, keys)
            self.update(alarmed(self.app, lines, gate_power_lines(snapshot, most_names=_MOST_NAMES)))

    def _fitting(self, snapshot: BatchSnapshot, coming: ComingWave | None, keys: str) -> list[str]:
        """With as many failed VMs as leave the rest in sight, wrapped lines counted."""
        width, lines = max(1, self.app.size.width - 4), list[str]()
        for most in range(_MOST_LINES, 0, -1):
            lines = gate_lines(snapshot, coming, keys=keys, most_names=_MOST_NAMES, most_lines=most)
            if sum(-(-cell_len(line) // width) for line in lines) <= _MOST_LINES:
                break
        return lines


def approval_question(snapshot: BatchSnapshot | None) -> Confirm | None:
    """Asked before a gate opens; None when the wave behind it touches no source's power."""
    lines = gate_power_lines(snapshot) if snapshot is not None else []
    if snapshot is None or snapshot.power_ahead is None or not lines:
        return None
    touched = counted(len(snapshot.power_ahead.names), "source VM")
    title = f"Start wave {snapshot.power_ahead.wave}? It touches the power of {touched}."
    return Confirm(title, lines, action="Start the wave", danger=True, alarms=lines)
