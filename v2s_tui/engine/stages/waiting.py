"""Waiting for Scaleway: one poll loop for imports, volumes, Instances and NICs. Holds no limit while it
waits.
"""

import random
from collections.abc import Callable

from v2s_tui.domain.errors import NotFound, RateLimited, TargetUnavailable
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.units import format_duration
from v2s_tui.engine.stage_contract import StageContext

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
FAILED_LOOKS = 8
"""So many looks in a row may fail before the wait gives up; the thing itself goes on meanwhile."""


def wait_for(
    context: StageContext,
    what: str,
    look: Callable[[], CloudResource | None],
    *,
    wanted: frozenset[CloudState],
    timeout_seconds: float,
    usual_seconds: float = 0.0,
) -> CloudResource:
    """The resource once it is in a wanted state or in ERROR, which is for the caller to judge.

    what: `Scaleway import of disk 1`. usual_seconds: after that the screen says that it takes long. Raises
    TargetUnavailable after the timeout, NotFound when the resource vanishes.
    """
    ends = wanted | {CloudState.ERROR}
    clock = context.ports.clock
    began, pause_seconds, failed = clock.monotonic(), FIRST_PAUSE_SECONDS, 0
    with context.polling(what):
        while True:
            try:
                found, failed = look(), 0
            except (RateLimited, TargetUnavailable):
                failed += 1
                if failed >= FAILED_LOOKS:
                    raise
            else:
                if found is None:
                    raise NotFound(f"{what}: it does not exist any more", hint="was it deleted by hand?")
                if found.state in ends:
                    return found
                elapsed = clock.monotonic() - began
                context.progress.waits_for = _describe(what, found.status, elapsed, usual_seconds)
                if elapsed > timeout_seconds:
                    raise TargetUnavailable(
                        f"{what} is still {found.status} after {format_duration(elapsed)}",
                        hint="retry goes on waiting for the same resource; Scaleway's support can look at it",
                    )
            context.pause(pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311
            pause_seconds = min(LONGEST_PAUSE_SECONDS, pause_seconds * 1.5)


def _describe(what: str, status: str, elapsed: float, usual_seconds: float) -> str:
    slow = ", longer than usual" if usual_seconds and elapsed > usual_seconds else ""
    return f"{what}: {status} for {format_duration(elapsed)}{slow}"
