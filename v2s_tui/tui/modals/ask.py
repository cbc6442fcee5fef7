"""Ask for one line of text."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static


class Ask(ModalScreen[str | None]):
    """The text, or None when left. check: returns what is wrong with a text, "" when it is right."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel")]

    def __init__(
        self, title: str, *, value: str = "", hint: str = "", check: Callable[[str], str] | None = None
    ) -> None:
        super().__init__()
        self._title = title
        self._value = value
        self._hint = hint
        self._check = check

    def compose(self) -> ComposeResult:
        """Title, input, what is wrong."""
        with Vertical(classes="modal-box"):
            yield Label(self._title, markup=False, classes="modal-title")
            yield Input(self._value, compact=True, id="answer")
            yield Static(self._hint, markup=False, id="ask-hint")
            yield Label("enter ok   esc cancel", markup=False, classes="modal-keys")

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one("#answer").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it when it is right, else say what is wrong."""
        wrong = self._check(event.value) if self._check else ""
        if wrong:
            self.query_one("#ask-hint", Static).update(wrong)
        else:
            self.dismiss(event.value)

    def action_leave(self) -> None:
        """No answer."""
        self.dismiss(None)
