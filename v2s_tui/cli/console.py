"""Where output goes: results to stdout, everything said to people to stderr. Nothing is parsed as markup.

Nobody may be there to listen (the SSH session dropped, the disk of a log is full): work never ends for that.
A result that cannot be written is an error.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

import click

from v2s_tui.presentation.columns import Column, as_text

Row = TypeVar("Row")


def say(text: str) -> None:
    """To the person at the terminal, if there still is one."""
    with contextlib.suppress(OSError):
        click.echo(as_text(text), err=True)


def say_in_red(text: str) -> None:
    """The same for what must not be overlooked; red where the terminal shows colours and may."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    with contextlib.suppress(OSError):
        click.secho(as_text(text), err=True, fg="red", bold=True, color=False if plain else None)


def put(text: str) -> None:
    """A result, for people and pipes."""
    click.echo(as_text(text))


def take_any_letter() -> None:
    """Let stdout write what its character set lacks as an escape: VMs are named in any script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def leave_quietly() -> None:
    """What cannot be written any more is dropped: else Python's own last attempt replaces the exit code."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:  # closed by whoever started us
                stream.flush()
        except (OSError, ValueError):
            setattr(sys, name, io.StringIO())


def put_table(columns: Sequence[Column[Row]], rows: Iterable[Row], *, to_stderr: bool = False) -> None:
    """A table on stdout (or stderr): framed on a terminal, plain aligned text in a pipe."""
    cells = [[as_text(column.cell(row)) for column in columns] for row in rows]
    with contextlib.suppress(OSError) if to_stderr else contextlib.nullcontext():
        _put_cells(columns, cells, to_stderr=to_stderr)


def _put_cells(columns: Sequence[Column[Row]], cells: list[list[str]], *, to_stderr: bool) -> None:
    if (sys.stderr if to_stderr else sys.stdout).isatty():
        _put_framed(columns, cells, to_stderr=to_stderr)
        return
    titles = [column.title for column in columns]
    widths = [max(map(len, [title, *(line[i] for line in cells)])) for i, title in enumerate(titles)]
    for line in (titles, *cells):
        padded = (
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        )
        click.echo("  ".join(padded).rstrip(), err=to_stderr)


def _put_framed(columns: Sequence[Column[Row]], cells: list[list[str]], *, to_stderr: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left")
    for line in cells:
        table.add_row(*(Text(text) for text in line))
    Console(stderr=to_stderr).print(table)
