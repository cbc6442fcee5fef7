"""What a headless run says: a line for each event, sums every few seconds, JSON lines on request."""

import sys
import threading
from pathlib import Path
from types import TracebackType

import click
import orjson

from v2s_tui.cli.console import say, say_in_red
from v2s_tui.cli.questions import ask_line
from v2s_tui.domain.execution.events import Decision, Event, event_to_json
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.presentation.event_lines import event_line
from v2s_tui.presentation.run_columns import batch_line, bytes_text, eta_text, idle_line, why_waiting
from v2s_tui.presentation.run_detail import gate_lines, gate_power_lines

_SUMS_EVERY_SECONDS = 5.0
_IDLE_EVERY_SECONDS = 60.0
"""While nothing runs, what is waited for is said again so often, and at once when it changes."""
_DECISIONS = {
    **dict.fromkeys(("a", "approve"), Decision.APPROVE),
    **dict.fromkeys(("r", "retry"), Decision.APPROVE_RETRY_FAILED),
    **dict.fromkeys(("b", "abort"), Decision.ABORT),
}
"""Whole words only: `abort` begins like `approve`. Whatever else is typed leaves the gate closed."""
_INTERRUPTS = {**dict.fromkeys(("h", "hold"), "hold"), **dict.fromkeys(("a", "abort"), "abort")}


class LineOutput:
    """Lines on stderr; events come from the state writer's thread, pictures from the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_sums: float | None = None
        self._last_idle = ("", 0.0)

    def on_event(self, event: Event) -> None:
        """Say it."""
        line = event_line(event)
        if line:
            with self._lock:
                say(line)

    def on_picture(self, picture: BatchSnapshot) -> None:
        """Every few seconds: the sums, and what each running VM does, or what all of them wait for."""
        now = picture.at.timestamp()
        if self._last_sums is not None and now - self._last_sums < _SUMS_EVERY_SECONDS:
            return
        first, self._last_sums = self._last_sums is None, now
        if first:
            return
        if not picture.counters.active:
            self._say_idle(idle_line(picture), now)
            return
        lines = [f"   {batch_line(picture)}"]
        for row in picture.vms:
            if row.stage is not None and not row.status.terminal:
                eta = f" ETA {text}" if (text := eta_text(row)) else ""
                lines.append(
                    f"     {row.name} {row.stage.value} {bytes_text(row)}{eta} {why_waiting(row)}".rstrip()
                )
        with self._lock:
            say("\n".join(lines))

    def _say_idle(self, line: str, now: float) -> None:
        text, said_at = self._last_idle
        if line and (line != text or now - said_at >= _IDLE_EVERY_SECONDS):
            self._last_idle = line, now
            with self._lock:
                say(f"   {line}")


class EventFile:
    """`--events PATH|-`: one JSON object per line, flushed as it happens."""

    def __init__(self, target: str) -> None:
        self._own = target != "-"
        self._file = Path(target).open("ab") if self._own else sys.stdout.buffer  # noqa: SIM115 - __exit__

    def on_event(self, event: Event) -> None:
        """Write the line."""
        self._file.write(orjson.dumps(event_to_json(event)) + b"\n")
        self._file.flush()

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own:
            self._file.close()


def say_gate(picture: BatchSnapshot) -> None:
    """The closed gate; what the wave behind it does to the power of sources in red."""
    power = gate_power_lines(picture)
    for line in gate_lines(picture, keys=""):
        (say_in_red if line in power else say)(line)


def ask_gate(picture: BatchSnapshot) -> Decision | None:
    """The question at a closed gate, at a terminal; no answer leaves it closed."""
    say("")
    say_gate(picture)
    try:
        answer = ask_line("[a]pprove, approve and [r]etry failed, [h]old, a[b]ort", default="h")
    except click.Abort:
        return None
    return _DECISIONS.get(answer)


def ask_interrupt() -> str:
    """The question after Ctrl+C."""
    say("\nCtrl+C: [h]old (nothing new starts), [a]bort (stop now, resumable), [c]ontinue; again aborts")
    try:
        answer = ask_line("h/a/c", default="c")
    except click.Abort:
        return "abort"
    return _INTERRUPTS.get(answer, "")
