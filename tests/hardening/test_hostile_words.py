"""What a guest, a tool or a server said reaches the terminal as text: the terminal obeys none of it."""

import io
import sys
from collections.abc import Callable

import pytest

from v2s_tui.cli.console import put, put_table, say, say_in_red
from v2s_tui.presentation.columns import Column

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31mall\rdone\u202e\x00\x7f"
HARMLESS = "]0;owned[2J31malldone"
COLUMNS: tuple[Column[str], ...] = (Column("name", "Name", 10, lambda row: row),)


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize(
    "print_it",
    [put, say, say_in_red, lambda text: put_table(COLUMNS, [text])],
    ids=["put", "say", "say_in_red", "put_table"],
)
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_no_escape_sequence_of_others_reaches_the_terminal(
    print_it: Callable[[str], None], stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = stream()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", out)
    print_it(HOSTILE)
    assert HARMLESS in out.getvalue()
    for obeyed in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\r", "\u202e", "\x00", "\x7f"):
        assert obeyed not in out.getvalue()


def test_tables_and_files_of_lines_stay_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    put("a\tb\r\nc")
    assert capsys.readouterr().out == "a\tb\r\nc\n"
