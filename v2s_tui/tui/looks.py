"""How the app looks: five themes, and an ASCII mode for terminals and fonts without line drawing.

The choice is kept in the session. State never hangs on a colour, so NO_COLOR and 16 colours lose nothing.
Colours are such that text stays legible when they are rounded to the 256 that terminals have in common:
OpenSSH does not tell that a terminal has more.
"""

import codecs
import locale
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter, Monochrome, NoColor
from textual.theme import BUILTIN_THEMES, Theme

from v2s_tui.presentation.plain_ascii import plain_ascii

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


_DARK = replace(
    BUILTIN_THEMES["textual-dark"],
    error="#af0000",
    variables={
        "block-cursor-background": "#005faf",
        "block-cursor-foreground": "#ffffff",
        "text-secondary": "#87afd7",
        "text-error": "#ff8787",
    },
)
_LIGHT = replace(
    BUILTIN_THEMES["textual-light"],
    error="#af0000",
    foreground="#000000",
    panel="#d7d7d7",
    variables={
        "text-warning": "#5f0087",
        "text-accent": "#00005f",
        "text-success": "#005f00",
        "text-muted": "#444444",
    },
)
_ANSI_DARK = replace(
    BUILTIN_THEMES["ansi-dark"],
    primary="ansi_bright_cyan",
    secondary="ansi_bright_cyan",
    accent="ansi_bright_cyan",
    warning="ansi_bright_yellow",
    error="ansi_bright_red",
    success="ansi_bright_green",
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "input-selection-background": "ansi_white",
    },
)
_ANSI_LIGHT = replace(
    BUILTIN_THEMES["ansi-light"],
    accent="ansi_blue",
    warning="ansi_magenta",
    variables={
        **BUILTIN_THEMES["ansi-light"].variables,
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_bright_white",
    },
)


def alarm_style(app: App[Any]) -> str:
    """Of what must not be overlooked: on red. The terminal's own red may be too near to its own text for
    that, so there it is red turned round.
    """
    return "bold reverse $text-error" if app.native_ansi_color else "bold $text on $error"


def alarmed(app: App[Any], lines: Iterable[str], alarms: Collection[str]) -> Content:
    """The lines as one text, those among the alarms in red."""
    style = alarm_style(app)
    return Content("\n").join(
        Content.styled(line, style) if line in alarms else Content(line) for line in lines
    )


def fit_no_color(app: App[Any]) -> None:
    """With NO_COLOR: greys in our own themes, nothing at all in the terminal's, as Textual does it for the
    theme an app begins with only. Greys of a terminal's default colours would be black on black.
    """
    taken_out = (Monochrome, NoColor)
    fitting = NoColor if app.native_ansi_color else Monochrome
    app._filters[:] = [fitting() if isinstance(each, taken_out) else each for each in app._filters]


class AsciiFilter(LineFilter):
    """Whatever is drawn, by us or by Textual, leaves as ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with their text in ASCII, as wide as before."""
        return [
            segment if segment.text.isascii() else segment._replace(text=plain_ascii(segment.text))
            for segment in segments
        ]


def add_themes(app: App[Any]) -> None:
    """Make our own themes known."""
    for theme in (_DARK, _LIGHT, _HIGH_CONTRAST, _ANSI_DARK, _ANSI_LIGHT):
        app.register_theme(theme)


def first_theme(colour_system: str | None) -> str:
    """The theme until somebody chooses: of a terminal with 16 colours its own, not others rounded to them."""
    return "ansi-dark" if colour_system == "standard" else "textual-dark"


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
    """Draw with ASCII characters alone, or with line drawing."""
    if on == app.has_class(ASCII_CLASS):
        return
    app._filters[:] = [each for each in app._filters if not isinstance(each, AsciiFilter)]
    if on:
        app._filters.append(AsciiFilter())
    app.set_class(on, ASCII_CLASS)
    app.refresh_css(animate=False)
