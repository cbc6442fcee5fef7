"""The form of the first start: where vCenter and Scaleway are, and where their secrets lie."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from v2s_tui.presentation.first_config import CONFIG_FIELDS, config_problem


@dataclass(frozen=True, slots=True)
class Connection:
    """What was filled in, by field."""

    values: dict[str, str]


class Connect(ModalScreen[Connection | None]):
    """The values, checked as far as a look at them can; None when left. Nothing is written here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel"),
        Binding("ctrl+s", "take", "Write and check", priority=True),
        Binding("enter,down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def compose(self) -> ComposeResult:
        """A line for each field, what the one in hand wants, the keys."""
        with Vertical(classes="modal-box", id="connect"):
            yield Label("Connect to vCenter and Scaleway", markup=False, classes="modal-title")
            for field in CONFIG_FIELDS:
                with Horizontal(classes="connect-line"):
                    yield Label(f"{field.label:<15}", markup=False)
                    yield Input(field.value, placeholder=field.example, compact=True, id=field.name)
            yield Static(id="connect-hint", markup=False)
            yield Label("ctrl+s write and check   tab next   esc cancel", markup=False, classes="modal-keys")

    def on_mount(self) -> None:
        """Begin at the first."""
        self.query(Input).first().focus()

    def on_descendant_focus(self) -> None:
        """Say what the field in hand wants."""
        focused = self.focused
        hint = next((each.hint for each in CONFIG_FIELDS if focused and each.name == focused.id), "")
        self._say(hint)

    def _say(self, text: str) -> None:
        self.query_one("#connect-hint", Static).update(text)

    def action_take(self) -> None:
        """Give the values back, or say which one cannot be."""
        values = {each.id or "": each.value.strip() for each in self.query(Input)}
        wrong = config_problem(values)
        if wrong is None:
            self.dismiss(Connection(values))
            return
        name, why = wrong
        self.query_one(f"#{name}", Input).focus()
        self.call_after_refresh(self._say, why)

    def action_leave(self) -> None:
        """Nothing is connected."""
        self.dismiss(None)
