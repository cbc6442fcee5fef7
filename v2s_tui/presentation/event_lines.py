"""An event of a batch as one line of text for a log or a dumb terminal; "" for what only machines need."""

from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.events import Event
from v2s_tui.domain.execution.transfer import TRANSFER_NOTE
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.units import format_bytes, format_duration, format_rate


def event_line(event: Event) -> str:
    """`14:02:11 web-01 export done in 12s (310 MiB, 25 MiB/s)`; "" when there is nothing to say."""
    text = _text(event)
    return f"{event.at.astimezone():%H:%M:%S} {text}" if text else ""


def _text(event: Event) -> str:  # noqa: PLR0911 - one line for each kind of event
    match event:
        case events.BatchStarted():
            return "batch resumed" if event.resumed else "batch started"
        case events.WaveStarted():
            return f"== wave {event.wave} begins"
        case events.WaveEnded():
            return f"== wave {event.wave} ended: {event.complete} complete, {event.failed} failed"
        case events.GateReached():
            return f"== GATE after wave {event.wave}: {event.reason}"
        case events.GateDecided():
            return f"== gate after wave {event.wave}: {event.decision.value} by {event.actor.who}"
        case events.RunnerStopped():
            return f"runner leaves: {event.reason}"
        case events.LimitChanged():
            return f"limit {event.limit.value} is {event.value} now"
        case events.VmEvent():
            return _vm_text(event)
    return ""


def _vm_text(event: events.VmEvent) -> str:  # noqa: PLR0911 - one line for each kind of event
    match event:
        case events.VmStarted():
            return f"{event.vm} starts at {event.stage.value} ({event.reason})"
        case events.StageStarted():
            again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            return f"{event.vm} {event.stage.value}{again}"
        case events.StageEnded():
            took = format_duration(event.seconds)
            return f"{event.vm} {event.stage.value} done in {took}{_moved(event)}{_way(event)}"
        case events.StageRetrying():
            wait = format_duration(event.wait_seconds)
            return f"{event.vm} {event.stage.value} again in {wait}: {event.failure.title}"
        case events.VmCompleted():
            return f"{event.vm} COMPLETE"
        case events.VmFailed():
            where = f" in {event.stage.value}" if event.stage else ""
            return f"{event.vm} FAILED{where}: {event.failure.title}. {event.failure.fix}"
        case events.VmInterrupted():
            return f"{event.vm} interrupted: {event.reason}"
        case events.VmCancelled():
            return f"{event.vm} cancelled by {event.actor.who}{_problem(event)}"
        case events.VmSkipped():
            return f"{event.vm} skipped by {event.actor.who}{_problem(event)}"
        case events.VmQuarantined():
            return f"{event.vm} held back: {event.reason}"
    return ""


def _problem(event: events.VmCancelled | events.VmSkipped) -> str:
    return f": {event.problem}" if event.problem else ""


def _way(event: events.StageEnded) -> str:
    """How the disks of an export are moved, and why so."""
    way = event.artifacts.notes.get(TRANSFER_NOTE, "") if event.stage is Stage.EXPORT else ""
    return f"; {way}" if way else ""


def _moved(event: events.StageEnded) -> str:
    if not event.moved_bytes or event.seconds <= 0:
        return ""
    return f" ({format_bytes(event.moved_bytes)}, {format_rate(event.moved_bytes / event.seconds)})"
