"""A question with consequences: names what it touches, Cancel is the default."""

from collections.abc import Collection, Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from v2s_tui.tui.looks import alarmed


class Confirm(ModalScreen[bool]):
    """Yes or no; True means go ahead.

    typed: when not "", the operator must type this word first (for what cannot be undone). alarms: those of
    the lines that are shown in red.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "Cancel"),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        title: str,
        lines: Iterable[str],
        *,
        action: str,
        danger: bool = False,
        typed: str = "",
        alarms: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._action = action
        self._danger = danger
        self._typed = typed
        self._alarms = alarms

    def compose(self) -> ComposeResult:
        """Title, what it touches, the two answers."""
        with Vertical(classes="modal-box danger" if self._danger else "modal-box"):
            yield Label(self._title, markup=False, classes="modal-title")
            with VerticalScroll(classes="modal-lines"):
                yield Static(alarmed(self.app, self._lines, self._alarms))
            if self._typed:
                yield Label(f"type {self._typed} to go ahead", markup=False)
                yield Input(id="typed", compact=True)
            with Horizontal(classes="modal-buttons"):
                keys = "enter after the word" if self._typed else "left right choose   enter do it"
                yield Label(f"{keys}   esc cancel", markup=False, classes="modal-keys beside")
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(
                    self._action,
                    id="go",
                    variant="error" if self._danger else "primary",
                    disabled=bool(self._typed),
                    compact=True,
                )

    def on_mount(self) -> None:
        """Cancel has the focus, or the word to type."""
        self.query_one("#typed" if self._typed else "#cancel").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The right word opens the way."""
        self.query_one("#go", Button).disabled = event.value != self._typed

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter after the right word goes ahead."""
        if event.value == self._typed:
            self.dismiss(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The answer."""
        self.dismiss(event.button.id == "go")

    def action_answer(self, answer: bool) -> None:
        """By key."""
        self.dismiss(answer)
