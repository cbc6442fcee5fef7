"""When a running batch will be through, by the pace of this runner."""

_LEAST_SHARE = 0.05
"""Of all work; before, one slow first stage would speak for the whole batch."""


class Pace:
    """Only time in which a VM moved counts, neither hours at a gate nor those before a resume."""

    def __init__(self) -> None:
        self._first_share: float | None = None
        self._seen_at = 0.0
        self._worked_seconds = 0.0

    def remaining_seconds(
        self, share: float, now: float, *, moving: bool, forecast_seconds: float | None
    ) -> float | None:
        """share: of the batch's work that is done now. now: monotonic seconds. moving: a VM runs.

        forecast_seconds: of the whole batch, used until there is a pace; None when nothing was forecast.
        """
        if self._first_share is None:
            self._first_share = share
        elif moving:
            self._worked_seconds += now - self._seen_at
        self._seen_at = now
        if share >= 1:
            return 0.0
        gained = share - self._first_share
        if gained >= _LEAST_SHARE * (1 - self._first_share):
            return self._worked_seconds * (1 - share) / gained
        if forecast_seconds is None:
            return None
        return max(0.0, forecast_seconds * (1 - self._first_share) - self._worked_seconds)
