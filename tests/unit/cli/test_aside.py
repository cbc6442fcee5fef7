"""Output is done aside: a terminal that takes none holds up no batch, and nothing is lost or out of order."""

import os
import pty
import select
import subprocess
import sys
import threading
import time

from v2s_tui.cli.aside import Aside

TALKING = """
import time
from v2s_tui.cli.aside import Aside
from v2s_tui.cli.console import say
with Aside() as lines:
    tell = lines.later(say)
    began = time.monotonic()
    for number in range(2000):
        tell(f"{number} " + "x" * 100)
    took = time.monotonic() - began
say(f"all said, nobody waited: {took < 2}")
"""


def test_it_is_done_in_order_before_it_is_left() -> None:
    said: list[int] = []
    with Aside() as aside:
        tell = aside.later(said.append)
        for number in range(100):
            tell(number)
    assert said == list(range(100))


def test_what_is_out_of_date_is_left_out_while_nothing_can_be_said() -> None:
    go, said = threading.Event(), list[int]()

    def say(number: int) -> None:
        go.wait(5)
        said.append(number)

    with Aside() as aside:
        tell, show = aside.later(say), aside.unless_behind(say)
        for number in range(100):
            show(number)
        tell(1000)
        go.set()
    assert said[-1] == 1000
    assert len(said) <= 3


def test_a_line_that_cannot_be_said_stops_no_other() -> None:
    said: list[int] = []
    with Aside() as aside:
        aside.later(lambda _: 1 / 0)(0)
        aside.later(said.append)(1)
        aside.wait(5)
        assert said == [1]


def test_a_stopped_terminal_holds_up_nobody() -> None:
    """Ctrl+S: the terminal takes no output until Ctrl+Q."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", TALKING], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        os.write(ours, b"\x13")
        time.sleep(1.5)
        while select.select([ours], [], [], 0.2)[0]:
            os.read(ours, 65536)
        assert process.poll() is None
        os.write(ours, b"\x11")
        seen = b""
        while b"nobody waited" not in seen[-200:]:
            seen += os.read(ours, 65536)
        assert b"nobody waited: True" in seen
        assert process.wait(10) == 0
    finally:
        process.kill()
        os.close(ours)
