"""A modal that shows lines of text: details, a report, a log, help."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Static


class TextView(ModalScreen[None]):
    """Scrollable text with a title; escape or q closes it. KEYS: the line that names the keys."""

    KEYS: ClassVar[str] = "esc close   y copy"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "Close"),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(20)", "Page down", show=False),
        Binding("pageup", "scroll(-20)", "Page up", show=False),
        Binding("y", "copy", "Copy", show=False),
    ]

    def __init__(self, title: str, lines: Iterable[str]) -> None:
        super().__init__()
        self._title = title
        self._text = "\n".join(lines)

    @property
    def text(self) -> str:
        """All of it."""
        return self._text

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical(classes="modal-box wide"):
            yield Label(self._title, markup=False, classes="modal-title")
            with VerticalScroll(id="text-view"):
                yield Static(self._text, markup=False)
            yield Label(self.KEYS, markup=False, classes="modal-keys")

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#text-view", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        """Copy the whole text (OSC 52)."""
        self.app.copy_to_clipboard(self._text)
        self.notify("copied", timeout=3, markup=False)
