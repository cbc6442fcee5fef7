"""A VM that failed: cause, fix, the tool's last words, and the three things an operator can do about it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

from v2s_tui.domain.execution.snapshot import VmRow
from v2s_tui.presentation.run_detail import failure_lines, vm_lines

CHOICES = {
    "retry": "Retry (t)",
    "retry_from": "From a stage (f)",
    "skip": "Skip (z)",
}


class FailurePanel(ModalScreen[str | None]):
    """One of CHOICES, or None when left. log: the runner's last lines about this VM."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "answer('')", "Close", id="failure.close"),
        Binding("t", "answer('retry')", "Retry where its evidence holds", id="failure.retry"),
        Binding("f", "answer('retry_from')", "Retry from a stage", id="failure.retry_from"),
        Binding("z", "answer('skip')", "Skip this VM", id="failure.skip"),
        Binding("y", "copy", "Copy", id="failure.copy"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    def __init__(self, row: VmRow, log: Sequence[str] = ()) -> None:
        super().__init__()
        self._title = f"{row.name} FAILED"
        lines = [*failure_lines(row), "", *vm_lines(row)[1:]]
        self._text = "\n".join([*lines, "", "runner's log:", *log] if log else lines)

    def compose(self) -> ComposeResult:
        """What is known, and the three choices; Close has the focus."""
        with Vertical(classes="modal-box wide danger"):
            yield Label(self._title, markup=False, classes="modal-title")
            with VerticalScroll(id="failure-text", can_focus=False):
                yield Static(self._text, markup=False)
            yield Label(
                "finished stages are kept, what they made is used again   y copy",
                markup=False,
                classes="modal-keys",
            )
            with Horizontal(classes="modal-buttons"):
                yield Button("Close", id="close", compact=True)
                for name, text in CHOICES.items():
                    yield Button(text, id=name, compact=True)

    def on_mount(self) -> None:
        """Nothing happens by an enter too many."""
        self.query_one("#close").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """By mouse or enter."""
        self.action_answer(event.button.id if event.button.id in CHOICES else "")

    def action_answer(self, choice: str | None) -> None:
        """By key."""
        self.dismiss(choice or None)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text."""
        self.query_one("#failure-text", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        """Copy all of it (OSC 52)."""
        self.app.copy_to_clipboard(f"{self._title}\n{self._text}")
        self.notify("copied", timeout=2, markup=False)
