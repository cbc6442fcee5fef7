"""Keeps VMs from starting outside their wave's window, and while the batch is paused."""

from typing import TYPE_CHECKING

from v2s_tui.domain.execution.batch import WaveState
from v2s_tui.domain.execution.windows import window_closed, window_reason
from v2s_tui.domain.planning.stages import JobStatus

if TYPE_CHECKING:
    from v2s_tui.engine.batch_runner import BatchRunner


class WindowKeeper:
    """Looks at the clock for a BatchRunner. On the event loop only."""

    def __init__(self, runner: "BatchRunner") -> None:
        self._runner = runner

    def look(self, index: int) -> None:
        """Open or close the start of VMs of the wave; what has started goes on.

        Once the window has closed, VMs that still wait for their place are taken out of the queue.
        """
        state, now = self._runner.state, self._runner.now()
        if index >= len(state.header.waves):
            return
        starts = "" if _opened(state.header.waves[index]) else window_reason(state.plan.waves[index], now)
        paused = "the batch is paused" if state.header.paused else ""
        self._runner.leases.close(all_stages=paused, starts=starts)
        if self.shut(index):
            for name, runner in list(self._runner.runners.items()):
                if state.jobs[name].status is JobStatus.PENDING:
                    runner.stop(lambda _: None)

    def shut(self, index: int) -> str:
        """Why VMs of the wave (and retried ones of waves before) that did not start will not start by
        themselves any more; "" they will.
        """
        state = self._runner.state
        wave = state.plan.waves[index]
        if _opened(state.header.waves[index]) or not window_closed(wave, self._runner.now()):
            return ""
        left = sum(
            job.status is JobStatus.PENDING and not job.quarantine
            for earlier in range(index + 1)
            for job in state.jobs_of_wave(earlier)
        )
        return f"the wave's window closed at {wave.not_after}: {left} VMs were not started" if left else ""


def _opened(wave: WaveState) -> bool:
    """An operator let its VMs start whatever the hour."""
    return wave.late or wave.approved
