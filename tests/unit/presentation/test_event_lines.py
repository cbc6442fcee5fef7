"""Events as lines: what is called moved crossed the wire."""

from datetime import UTC, datetime

from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.events import StageEnded
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.presentation.event_lines import event_line

AT = datetime(2026, 3, 1, 14, 2, 11, tzinfo=UTC)


def ended(moved_bytes: int, seconds: float) -> str:
    event = StageEnded(
        at=AT,
        vm="web-01",
        stage=Stage.EXPORT,
        artifacts=Artifacts("1"),
        seconds=seconds,
        moved_bytes=moved_bytes,
    )
    return event_line(event).split(" ", 1)[1]


def test_a_stage_tells_what_it_moved_and_how_fast() -> None:
    assert ended(11_639_193, 3.0) == "web-01 export done in 3.0s (11.1 MiB, 3.7 MiB/s)"
    assert ended(0, 3.0) == "web-01 export done in 3.0s"
