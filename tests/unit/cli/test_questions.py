"""Questions at a real terminal: words, a newer question, a terminal that is closed, and a process that ends
while nobody has answered.
"""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from v2s_tui.cli import run_output
from v2s_tui.domain.execution.events import Decision

SETUP = (
    "import sys, threading, time\nfrom v2s_tui.cli import run_output\nfrom v2s_tui.cli.questions import *\n"
)


@dataclass
class Terminal:
    """ours: the end of it that a person sees and types on."""

    process: subprocess.Popen[bytes]
    ours: int
    seen: str = ""

    def until(self, text: str) -> None:
        """Wait until it is on the screen."""
        while text not in self.seen:
            self.seen += os.read(self.ours, 4096).decode()

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())


@contextmanager
def terminal(script: str) -> Iterator[Terminal]:
    """A Python of its own that runs the script there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SETUP + script], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
        process.wait(20)
    finally:
        process.kill()
        os.close(ours)


def test_a_question_left_behind_does_not_spoil_the_exit_code() -> None:
    script = """
threading.Thread(target=ask_line, args=("go on?",), kwargs={"default": "h"}, daemon=True).start()
time.sleep(0.5)
sys.exit(3)
"""
    with terminal(script) as seen:
        seen.until("go on? [h]: ")
    assert seen.process.returncode == 3


def test_what_is_typed_answers_the_newest_question() -> None:
    script = """
said = []
def ask(name):
    said.append(name + "=" + ask_line(name + "?", default="none"))
first = threading.Thread(target=ask, args=("gate",))
first.start()
time.sleep(0.3)
second = threading.Thread(target=ask, args=("ctrl-c",))
second.start()
first.join()
second.join()
print(sorted(said))
"""
    with terminal(script) as seen:
        seen.until("ctrl-c? [none]: ")
        time.sleep(0.4)
        seen.type("A\n")
        seen.until("['ctrl-c=a', 'gate=none']")


def test_a_closed_terminal_is_no_answer() -> None:
    with terminal("print(run_output.ask_interrupt())\n") as seen:
        seen.until("h/a/c [c]: ")
        seen.type("\x04")
        seen.until("abort\r\n")


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        ("a", Decision.APPROVE),
        ("approve", Decision.APPROVE),
        ("r", Decision.APPROVE_RETRY_FAILED),
        ("abort", Decision.ABORT),
        ("b", Decision.ABORT),
        ("h", None),
        ("appear", None),
        ("no", None),
    ],
)
def test_only_whole_words_decide(
    monkeypatch: pytest.MonkeyPatch, typed: str, decision: Decision | None
) -> None:
    monkeypatch.setattr(run_output, "ask_line", lambda *_, **__: typed)
    monkeypatch.setattr(run_output, "say_gate", lambda _picture: None)
    assert run_output.ask_gate(None) is decision  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "word"), [("h", "hold"), ("hold", "hold"), ("a", "abort"), ("abort", "abort"), ("c", "")]
)
def test_ctrl_c_takes_letters_and_words(monkeypatch: pytest.MonkeyPatch, typed: str, word: str) -> None:
    monkeypatch.setattr(run_output, "ask_line", lambda *_, **__: typed)
    assert run_output.ask_interrupt() == word
