"""The filter line: an input that filters at every key, and beneath it what is wrong or how much is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from v2s_tui.domain.errors import FilterError
from v2s_tui.domain.source.filters import Filter, combine_filters
from v2s_tui.presentation.filter_words import completions, found_anywhere, last_word, on_its_way

Values = Mapping[str, Sequence[tuple[str, int]]]


class FilterInput(Input):
    """An input whose every change is filtered at once, in the same frame as the key.

    It posts no Changed and starts no worker for its suggestion: either costs further frames.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's own class attribute
        Binding("tab", "complete", "Complete"),
        Binding("enter", "leave", "To the list", key_display="enter"),
        Binding("down", "leave", show=False),
        Binding("ctrl+u", "delete_left_all", "Empty"),
        Binding("escape", "leave", show=False),
    ]

    @dataclass
    class Left(Message):
        """The operator is done typing."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="/ filters: a piece of a name, os:linux cpu:>=4 !tag:legacy", compact=True
        )
        self.values: Values = {}

    def _watch_value(self, value: str) -> None:
        """Filter synchronously, in place of Input's own watcher with its layout pass."""
        self.set_reactive(Widget.virtual_size, Size(self.content_width, 1))
        self._suggestion = self._completed(value)
        bar = self.parent
        if isinstance(bar, FilterBar):
            bar.apply(value)

    def _completed(self, value: str) -> str:
        head, word = last_word(value)
        found = completions(word, self.values)
        return head + found[0].word if found and found[0].word.startswith(word) else ""

    def action_complete(self) -> None:
        """Take the suggestion over; a finished word is followed by a blank."""
        if self._suggestion:
            self.value = self._suggestion if self._suggestion.endswith(":") else f"{self._suggestion} "
            self.cursor_position = len(self.value)

    def action_leave(self) -> None:
        """Hand the keyboard back; pieces of names are written out as the globs they were taken for."""
        self.value = found_anywhere(self.value.strip())
        self.post_message(self.Left())


class FilterBar(Vertical):
    """Posts nothing: calls `on_filter(filter, text)` so that the list is repainted in the same frame.

    kept: saved filters by name, used as `@name`.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.kept: Mapping[str, str] = {}
        self.error: FilterError | None = None
        self.on_filter: Callable[[Filter, str], None] = _ignore

    def compose(self) -> ComposeResult:
        """The input and the line under it."""
        yield FilterInput()
        yield Static(id="filter-state", markup=False, classes="line")

    @property
    def input(self) -> FilterInput:
        """The input."""
        return self.query_one(FilterInput)

    def apply(self, text: str) -> None:
        """Parse and hand on. With a wrong last word the others filter, and what is wrong is said."""
        head, word = last_word(text)
        coming = ""
        try:
            parsed, self.error = self._parse(text), None
        except FilterError as error:
            coming = on_its_way(word, self.input.values)
            self.error = None if coming else error
            try:
                parsed = self._parse(head)
            except FilterError:
                self._show_error(error)
                return
        self.on_filter(parsed, text)
        if coming:
            self.say(Content.styled(coming, "$text-accent"))
        elif self.error is not None:
            self._show_error(self.error)

    def _parse(self, text: str) -> Filter:
        return combine_filters([found_anywhere(text)], self.kept)

    def _show_error(self, error: FilterError) -> None:
        column = error.position.column or 1
        where = f"{' ' * min(column - 1, 40)}^ "
        self.say(Content.styled(f"{where}{error.bare_title}. {error.hint}", "bold $text-error"))

    def say(self, text: Content) -> None:
        """Show this under the input."""
        self.query_one("#filter-state", Static).update(text, layout=False)


def _ignore(_filter: Filter, _text: str) -> None:
    """Until a screen sets its own."""
