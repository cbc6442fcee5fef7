"""SIGTERM and SIGHUP: leave as `q` does, so that the terminal is clean and the session is kept.

Without handlers Textual dies on the spot in both cases and leaves the terminal in the alternate screen
(terminal.md section 7). A dropped connection has no terminal to clean; the session still counts.
"""

import asyncio
import signal
import threading
from typing import Any

from textual.app import App

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def leave_on_signals(app: App[Any]) -> None:
    """From now on these signals end the app with 128 + signal number. Call on the loop's own thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for each in _SIGNALS:
        loop.add_signal_handler(each, _leave, app, each)


def _leave(app: App[Any], number: signal.Signals) -> None:
    app.exit(128 + number)


def forget_signals() -> None:
    """The signals mean again what they meant before."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for each in _SIGNALS:
        loop.remove_signal_handler(each)
