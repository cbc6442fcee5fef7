"""How the app looks: four themes, and an ASCII mode for terminals and fonts without line drawing.

The choice is kept in the session. State never hangs on a colour, so NO_COLOR and 16 colours lose nothing.
"""

import codecs
import locale
import os
from collections.abc import Mapping
from typing import Any

from textual.app import App
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.theme import Theme

THEMES: Mapping[str, str] = {
    "textual-dark": "dark",
    "textual-light": "light",
    "high-contrast": "high contrast: black, white and strong colours",
    "ansi-dark": "the terminal's own colours, dark",
    "ansi-light": "the terminal's own colours, light",
}
"""Theme name -> what it is."""

ASCII_CLASS = "-ascii"
_HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    warning="#ffd700",
    error="#ff5f5f",
    success="#5fff5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000087",
    dark=True,
    variables={
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "text-muted": "#d0d0d0",
    },
)


class AsciiScrollBar(ScrollBarRender):
    """A scrollbar told by colour cells only, without block characters."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8


def add_themes(app: App[Any]) -> None:
    """Make our own themes known."""
    app.register_theme(_HIGH_CONTRAST)


def wants_ascii(environ: Mapping[str, str] = os.environ) -> bool:
    """True when V2S_ASCII is set, or the locale's character set is not UTF-8."""
    asked = environ.get("V2S_ASCII", "")
    if asked:
        return asked != "0"
    try:
        return codecs.lookup(locale.getpreferredencoding(do_setlocale=False)).name != "utf-8"
    except LookupError:
        return True


def set_ascii(app: App[Any], *, on: bool) -> None:
    """Draw borders and scrollbars with ASCII characters, or with line drawing."""
    ScrollBar.renderer = AsciiScrollBar if on else ScrollBarRender
    app.set_class(on, ASCII_CLASS)
    app.refresh_css(animate=False)
