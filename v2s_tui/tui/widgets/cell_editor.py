"""Typing in a cell of a table: an input of one line that lies on the cell, with completion from a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Input


class CellEditor(Input):
    """Posts Taken with one of the choices (or "" when emptied), or Left. It removes itself then.

    What is typed may be any part of a choice, in any case; the first choice that has it is suggested.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take it", key_display="enter"),
        Binding("tab", "complete", "Complete", priority=True),
        Binding("down", "step(1)", "Next", key_display="down"),
        Binding("up", "step(-1)", "Previous", key_display="up"),
        Binding("escape", "leave", "Cancel"),
    ]

    @dataclass
    class Taken(Message):
        """The choice, as it is written in the list; "" for none."""

        choice: str

    @dataclass
    class Left(Message):
        """Nothing changes."""

    def __init__(self, place: Region, choices: Sequence[str], value: str = "") -> None:
        """place: of the cell on the screen. choices: in the order in which up and down go through them."""
        self._choices = tuple(choices)
        self._ended = False
        super().__init__(value, compact=True, select_on_focus=True, placeholder="empty: automatic")
        self.styles.offset = (place.x, place.y)
        self.styles.width = place.width

    def matches(self) -> list[str]:
        """Choices that hold what is typed, those that begin with it first."""
        typed = self.value.strip().lower()
        holding = [each for each in self._choices if typed in each.lower()]
        return sorted(holding, key=lambda each: not each.lower().startswith(typed))

    def _watch_value(self, value: str) -> None:
        super()._watch_value(value)
        found = self.matches() if value else []
        self._suggestion = found[0] if found and found[0].startswith(value) else ""

    def action_complete(self) -> None:
        """The first match."""
        found = self.matches()
        if found:
            self._show(found[0])

    def action_step(self, step: int) -> None:
        """The next or previous choice of the list."""
        if not self._choices:
            return
        at = self._choices.index(self.value) if self.value in self._choices else -1 if step > 0 else 0
        self._show(self._choices[(at + step) % len(self._choices)])

    def _show(self, choice: str) -> None:
        self.value = choice
        self.cursor_position = len(choice)

    def action_take(self) -> None:
        """The choice typed in full, or the only one that holds what was typed."""
        typed, found = self.value.strip(), self.matches()
        exact = [each for each in found if each.lower() == typed.lower()]
        if typed and not exact and len(found) != 1:
            why = f"{len(found)} types hold {typed!r}" if found else f"no type that fits holds {typed!r}"
            self.notify(f"{why}: tab completes, t lists them", severity="warning", timeout=6, markup=False)
            return
        self._end(self.Taken((exact or found)[0] if typed else ""))

    def action_leave(self) -> None:
        """As it was."""
        self._end(self.Left())

    def on_blur(self) -> None:
        """A click elsewhere leaves it."""
        self.action_leave()

    def _end(self, answer: Message) -> None:
        if not self._ended:
            self._ended = True
            self.post_message(answer)
            self.remove()
