"""Rate, remaining time and stall of a running stage, from its progress numbers sampled at 10 Hz."""

from dataclasses import dataclass

from v2s_tui.domain.execution.progress import StageProgress

_SMOOTHING_SECONDS = 5.0


@dataclass(slots=True)
class RateMeter:
    """Exponentially smoothed. rate_bytes: per second, what crosses the wire; pace_bytes: per second, of the
    stage's work, which for a disk that is read counts holes too. stalled_seconds: since anything changed.
    """

    rate_bytes: float = 0.0
    pace_bytes: float = 0.0
    stalled_seconds: float = 0.0
    _last_done: int = 0
    _last_moved: int = 0
    _last_at: float | None = None
    _moved_at: float = 0.0

    def sample(self, progress: StageProgress, now: float) -> None:
        """Look at the numbers once; now in monotonic seconds."""
        done, moved = progress.done_bytes, progress.moved_bytes
        if self._last_at is None or done < self._last_done or moved < self._last_moved:
            self._last_at, self._last_done, self._last_moved, self._moved_at = now, done, moved, now
            return
        elapsed = now - self._last_at
        if elapsed <= 0:
            return
        weight = min(1.0, elapsed / _SMOOTHING_SECONDS)
        self.rate_bytes += weight * ((moved - self._last_moved) / elapsed - self.rate_bytes)
        self.pace_bytes += weight * ((done - self._last_done) / elapsed - self.pace_bytes)
        changed = (done, moved) != (self._last_done, self._last_moved)
        if changed or not _moves_bytes(progress):
            self._moved_at = now
        self.stalled_seconds = now - self._moved_at
        self._last_at, self._last_done, self._last_moved = now, done, moved

    def eta_seconds(self, progress: StageProgress) -> float | None:
        """Seconds until the stage's main work is through; None while the pace or the total is unknown."""
        if not progress.total_bytes or self.pace_bytes < 1:
            return None
        return max(0, progress.total_bytes - progress.done_bytes) / self.pace_bytes


def _moves_bytes(progress: StageProgress) -> bool:
    """Only a stage that is in the middle of moving bytes can stall; others work or wait without counting."""
    return progress.done_bytes < progress.total_bytes and not progress.waits_for
