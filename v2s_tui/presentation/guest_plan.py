"""The plan of changes to a guest as text: what was found, then every change below its stage and reason."""

import re
from collections.abc import Iterator
from itertools import groupby

from v2s_tui.domain.guest.plan import GuestPlan, PlannedStep
from v2s_tui.domain.units import counted

_NAME_CELLS, _ACTION_CELLS = 14, 8
_PARTS = re.compile(r"[^\\/]*[\\/]+|[^\\/]+")


def guest_plan_lines(plan: GuestPlan, *, width: int) -> tuple[str, ...]:
    """Lines of at most width cells, where no part of a path is longer."""
    refused = tuple(f"{each.reason}; {each.instead}" for each in plan.refusals)
    lines = [
        *_found_lines(plan, width),
        *_step_lines(plan, width),
        *_notes("warning", plan.warnings, width),
        *_notes("refused", refused, width),
    ]
    return tuple(lines if plan.found else lines[1:])


def _found_lines(plan: GuestPlan, width: int) -> Iterator[str]:
    for name, value in plan.found:
        yield from _wrapped(f"{name:<{_NAME_CELLS}}", value, width)


def _step_lines(plan: GuestPlan, width: int) -> Iterator[str]:
    """Steps of one stage with the same reason stand together, in the order of their first."""
    for stage, in_stage in groupby(plan.steps, key=lambda step: step.stage):
        steps = list(in_stage)
        yield ""
        yield f"{stage}: {counted(len(steps), 'change')}"
        for reason in dict.fromkeys(step.reason for step in steps):
            yield from _wrapped("  ", reason, width)
            yield from _targets([step for step in steps if step.reason == reason], width)
    if not plan.steps and not plan.refusals:
        yield from ("", "nothing to change")


def _targets(steps: list[PlannedStep], width: int) -> Iterator[str]:
    for step in steps:
        yield from _wrapped(f"    {step.action:<{_ACTION_CELLS}}", step.target, width)


def _notes(name: str, texts: tuple[str, ...], width: int) -> Iterator[str]:
    if texts:
        yield ""
    for text in texts:
        yield from _wrapped(f"{name:<10}", text, width)


def _wrapped(first: str, text: str, width: int) -> Iterator[str]:
    """The text after a first cell, later lines below its beginning. Only what is longer than a line is broken
    inside a word: after a slash or a backslash.
    """
    indent = " " * len(first)
    line, room = first, width - len(first)
    for piece in _pieces(text, room):
        if len(line) + len(piece.rstrip()) > width and line.strip() and line != indent:
            yield line.rstrip()
            line = indent
        line += piece
    yield line.rstrip()


def _pieces(text: str, room: int) -> Iterator[str]:
    """Words with the blank behind them; longer ones in parts."""
    for word in text.split():
        parts = [word] if len(word) <= room else _PARTS.findall(word)
        yield from (*parts[:-1], f"{parts[-1]} ")
