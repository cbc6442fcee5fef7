"""A question to the person at the terminal, asked from a thread that may be left behind unanswered."""

import contextlib
import itertools
import os
import select
import sys

import click

from v2s_tui.cli.console import say

_LOOK_SECONDS = 0.2
_LONGEST_LINE = 4096
_numbers = itertools.count(1)
_newest = 0


def ask_line(question: str, *, default: str) -> str:
    """The answer, in small letters; default for an empty line, and when a newer question has been asked: what
    is typed then is the answer to that one.

    Reads the terminal itself. A reader of sys.stdin would hold its lock, and a Python that ends while a
    thread does aborts instead of giving its exit code. Raises click.Abort when the terminal is closed.
    """
    global _newest  # noqa: PLW0603 - there is one terminal
    mine = _newest = next(_numbers)
    with contextlib.suppress(OSError):
        click.echo(f"{question} [{default}]: ", nl=False, err=True)
    source = sys.stdin.fileno()
    while not select.select([source], [], [], _LOOK_SECONDS)[0]:
        if mine != _newest:
            return default
    if mine != _newest:
        return default
    line = os.read(source, _LONGEST_LINE)
    if not line:
        say("")
        raise click.Abort
    return line.decode("utf-8", "replace").strip().lower() or default
