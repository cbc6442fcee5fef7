"""Calling an operator who looks elsewhere: a toast, the bell, and a desktop notice (OSC 9)."""

import re
from typing import Any

from textual.app import App
from textual.notifications import SeverityLevel

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TOAST_SECONDS = 20.0


def call_operator(
    app: App[Any], title: str, text: str, *, severity: SeverityLevel = "warning", toast: bool = True
) -> None:
    """Tell it in the app for TOAST_SECONDS, ring, and ask the terminal for a desktop notice.

    toast: False where the screen in front says it already and would be covered. Terminals that do not know
    OSC 9 ignore it. No control character of title or text reaches the terminal.
    """
    if toast:
        app.notify(text, title=title, severity=severity, timeout=TOAST_SECONDS, markup=False)
    app.bell()
    driver = app._driver
    if driver is not None and not app.is_headless:
        driver.write(desktop_notice(f"v2s: {title}. {text}"))


def desktop_notice(text: str) -> str:
    """The escape sequence of a desktop notice with that text."""
    return f"\x1b]9;{_CONTROL.sub(' ', text)[:200]}\x07"
