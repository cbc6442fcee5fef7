"""Rate, remaining time and stall of a running stage, from its progress numbers sampled at 10 Hz."""

from dataclasses import dataclass

from v2s_tui.domain.execution.progress import StageProgress

_SMOOTHING_SECONDS = 5.0


@dataclass(slots=True)
class RateMeter:
    """An exponentially smoothed rate in bytes per second; stalled_seconds since the last byte."""

    rate_bytes: float = 0.0
    stalled_seconds: float = 0.0
    _last_bytes: int = 0
    _last_at: float | None = None
    _moved_at: float = 0.0

    def sample(self, progress: StageProgress, now: float) -> None:
        """Look at the numbers once; now in monotonic seconds."""
        done = progress.done_bytes
        if self._last_at is None or done < self._last_bytes:
            self._last_at, self._last_bytes, self._moved_at = now, done, now
            return
        elapsed = now - self._last_at
        if elapsed <= 0:
            return
        weight = min(1.0, elapsed / _SMOOTHING_SECONDS)
        self.rate_bytes += weight * ((done - self._last_bytes) / elapsed - self.rate_bytes)
        if done != self._last_bytes or progress.updated > self._moved_at or progress.waits_for:
            self._moved_at = now
        self.stalled_seconds = now - self._moved_at
        self._last_at, self._last_bytes = now, done

    def eta_seconds(self, progress: StageProgress) -> float | None:
        """Seconds until the stage's main work is through; None while the rate or the total is unknown."""
        if not progress.total_bytes or self.rate_bytes < 1:
            return None
        return max(0, progress.total_bytes - progress.done_bytes) / self.rate_bytes
