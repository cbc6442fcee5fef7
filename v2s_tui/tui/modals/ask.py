"""Ask for one line of text."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Label, Static


class Ask(ModalScreen[str | None]):
    """The text, or None when left. check: returns what is wrong with a text, "" when it is right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel"),
        Binding("tab", "complete", "Complete", priority=True),
    ]

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        hint: str = "",
        check: Callable[[str], str] | None = None,
        suggester: Suggester | None = None,
    ) -> None:
        """hint: what may be typed. suggester: what the right arrow or tab takes over."""
        super().__init__()
        self._suggester = suggester
        self._title = title
        self._value = value
        self._hint = hint
        self._check = check

    def compose(self) -> ComposeResult:
        """Title, input, what is wrong."""
        with Vertical(classes="modal-box"):
            yield Label(self._title, markup=False, classes="modal-title")
            yield Input(self._value, compact=True, id="answer", suggester=self._suggester)
            yield Static(self._hint, markup=False, id="ask-hint")
            keys = "enter ok   tab complete   esc cancel" if self._suggester else "enter ok   esc cancel"
            yield Label(keys, markup=False, classes="modal-keys")

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

    def action_complete(self) -> None:
        """Take what is suggested."""
        answer = self.query_one("#answer", Input)
        answer.cursor_position = len(answer.value)
        answer.action_cursor_right()

    def action_leave(self) -> None:
        """No answer."""
        self.dismiss(None)
