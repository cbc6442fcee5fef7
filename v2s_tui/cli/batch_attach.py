"""Talking to a running batch from a second terminal."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from v2s_tui.cli.console import put, say
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.engine.attach import BlockingRunnerClient
from v2s_tui.engine.commands import COMMAND_NAMES
from v2s_tui.presentation.run_columns import batch_line, status_word
from v2s_tui.presentation.run_detail import gate_lines

EntryOf = Callable[[str], dict[str, Any]]
_SHAPES: dict[str, tuple[str, ...]] = {
    "retry": ("vm", "from_stage?"),
    "skip": ("vm", "reason?"),
    "cancel": ("vm",),
    "pause_limit": ("limit",),
    "resume_limit": ("limit",),
    "set_limit": ("limit", "value"),
}


def parse_command(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """`set_limit disk_io 5` as name and fields. Raises InputError for anything else."""
    name, *values = words
    if name not in COMMAND_NAMES:
        raise InputError(f"{name!r} is no command", hint=f"one of {', '.join(COMMAND_NAMES)}")
    shape = _SHAPES.get(name, ())
    least = sum(not each.endswith("?") for each in shape)
    if not least <= len(values) <= len(shape):
        wanted = " ".join(each.upper() for each in shape)
        raise InputError(f"{name} takes {wanted or 'nothing more'}", hint=f"v2s batch attach {name} {wanted}")
    fields = dict(zip((each.rstrip("?") for each in shape), values, strict=False))
    return name, fields


def give_command(
    path: Path, words: Sequence[str], *, take_over: bool, entry_of: EntryOf | None = None
) -> str:
    """Send one command; returns what the runner says it did. entry_of: gives a VM's edited plan entry, which
    only a retry takes.
    """
    name, fields = parse_command(words)
    if entry_of is not None:
        if name != "retry":
            raise InputError(f"{name} takes no plan", hint="v2s batch attach --plan plan.yaml retry VM")
        fields["planned"] = entry_of(fields["vm"])
    client = BlockingRunnerClient(path, origin="batch attach")
    try:
        return client.send(name, take_over=take_over, **fields)
    finally:
        client.close()


def watch(path: Path) -> None:
    """A line whenever something changed, until the runner ends. Ctrl+C leaves; the batch goes on."""
    client = BlockingRunnerClient(path, origin="batch attach", watch=True)
    before: dict[str, str] = {}
    try:
        for picture in client.snapshots():
            before = _put_changes(picture, before)
    finally:
        client.close()
    say("the runner has ended; `v2s batch status` shows the result")


def _put_changes(picture: BatchSnapshot, before: dict[str, str]) -> dict[str, str]:
    now = {
        row.name: f"{status_word(row)} {row.stage.value if row.stage else ''}".strip() for row in picture.vms
    }
    now["gate"] = picture.gate.wave if picture.gate else ""
    for name, text in now.items():
        if name != "gate" and before.get(name) != text:
            put(f"{picture.at.astimezone():%H:%M:%S} {name} {text}   [{batch_line(picture)}]")
    if now["gate"] and before.get("gate") != now["gate"]:
        for line in (*gate_lines(picture), gate_commands(picture)):
            put(line)
    return now


def gate_commands(picture: BatchSnapshot) -> str:
    """How to act on the closed gate from a shell."""
    return (
        f"act    v2s batch attach --batch-id {picture.batch_id} approve "
        "(or approve_retry_failed, hold, abort)"
    )
