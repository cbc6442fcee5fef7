"""The time windows of waves: nothing new starts outside, what has started is finished."""

from datetime import datetime

from v2s_tui.domain.planning.resolved import ResolvedWave


def window_closed(wave: ResolvedWave, now: datetime) -> bool:
    """True after the window's end."""
    return wave.not_after is not None and now >= wave.not_after


def window_reason(wave: ResolvedWave, now: datetime) -> str:
    """Why no VM of the wave may start now; "" inside the window."""
    if wave.not_before is not None and now < wave.not_before:
        return f"the wave's window opens at {wave.not_before}"
    return f"the wave's window closed at {wave.not_after}" if window_closed(wave, now) else ""
