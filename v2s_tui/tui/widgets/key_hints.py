"""The line at the bottom: as many keys of the screen as fit, then always help and the list of all actions."""

from collections.abc import Iterable
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.screen import Screen
from textual.widgets import Input, Static

from v2s_tui.tui.keymap import KeyLine, hints, key_lines

_ALWAYS = ("app.help", "app.commands", "app.quit")


def hints_text(shown: Iterable[KeyLine], always: Iterable[KeyLine], width: int) -> Text:
    """`/ Filter  space Mark ...   ? Help  : All  q Quit`: the last group is never cut off."""
    tail = Text("  ").join(_hint(line) for line in always)
    text = Text(no_wrap=True)
    for line in shown:
        hint = _hint(line)
        if text.cell_len + hint.cell_len + 2 + tail.cell_len + 2 > width:
            break
        text.append_text(hint).append("  ")
    text.append(" " * max(0, width - text.cell_len - tail.cell_len - 1))
    return text.append_text(tail)


def _hint(line: KeyLine) -> Text:
    click = Style(meta={"@click": line.call})
    return Text(line.keys[0], Style(bold=True) + click).append(f" {line.text}", Style(dim=True) + click)


class KeyHints(Static):
    """Follows the bindings of its screen; each hint can be clicked."""

    def on_mount(self) -> None:
        """Listen to the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)

    def on_resize(self) -> None:
        """There is other room now."""
        self._draw()

    def _bindings_updated(self, screen: Screen[Any]) -> None:
        if self.is_attached:
            self._draw()

    def _draw(self) -> None:
        lines = key_lines(self.screen)
        typing = isinstance(self.screen.focused, Input)
        always = [] if typing else [line for name in _ALWAYS for line in lines if line.id == name]
        self.update(hints_text(hints(lines, typing=typing), always, self.size.width or 80), layout=False)
