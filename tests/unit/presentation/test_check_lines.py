"""Checks as lines: whole in a pipe, within the terminal's width for people."""

import pytest

from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.presentation.check_lines import check_lines

SLOW = Check(
    "host", "KVM", CheckState.WARN, "the processor shows neither vmx nor svm", "choose " * 20 + "one"
)


def test_a_pipe_gets_one_line_for_the_check_and_one_for_its_fix():
    first, second = check_lines(SLOW)
    assert first == f"warn  host      KVM                  {SLOW.detail}"
    assert second == f"      fix: {SLOW.fix}"
    assert len(check_lines(Check("host", "KVM", CheckState.OK, "there"))) == 1


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_terminal_gets_no_line_that_is_too_wide_and_every_word(width):
    lines = check_lines(SLOW, width=width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    assert words == f"warn host KVM {SLOW.detail} fix: {SLOW.fix}".split()


def test_a_long_name_leaves_room_for_what_is_said_of_it():
    name = "esxi-01.rack-7.production.example.com"
    lines = check_lines(Check("esxi", name, CheckState.OK, "word " * 30), width=80)
    assert lines[0].startswith(f"ok    esxi      {name} word")
    assert lines[1].startswith(" " * 11 + "word word")
    assert max(map(len, lines)) <= 80


def test_what_a_narrow_terminal_cannot_hold_is_not_lost():
    (line, *more) = check_lines(Check("plan", "POP2-2C-8G-WIN", CheckState.OK, "x" * 90), width=20)
    assert "".join((line, *more)).count("x") == 90
    assert check_lines(Check("host", "mformat", CheckState.OK, ""), width=80) == ["ok    host      mformat"]


@pytest.mark.parametrize("width", [None, 80])
def test_no_control_character_of_a_server_reaches_the_terminal(width):
    lines = check_lines(
        Check("storage", "bucket", CheckState.FAIL, "no\x1b[2Jway\r\nout", "as\x07k"), width=width
    )
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
