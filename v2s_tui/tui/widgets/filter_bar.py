"""The filter line: an input that filters at every key, and beneath it what is wrong or how much is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from v2s_tui.domain.errors import FilterError
from v2s_tui.domain.source.filters import Filter, combine_filters
from v2s_tui.domain.source.filters_keys import KEYS


class FilterSuggester(Suggester):
    """Completes the word being typed: a key, or a value that occurs in the inventory."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.values: dict[str, tuple[str, ...]] = {}

    async def get_suggestion(self, value: str) -> str | None:
        """The whole text with its last word completed, None when nothing fits."""
        head, _, word = value.rpartition(" ")
        bang = "!" if word.startswith("!") else ""
        ending = self._ending(word.removeprefix("!"))
        return f"{head} {bang}{ending}".lstrip() if ending else None

    def _ending(self, word: str) -> str | None:
        key, colon, start = word.partition(":")
        if not colon:
            return next((f"{name}:" for name in KEYS if word and name.startswith(word)), None)
        found = next((each for each in self.values.get(key, ()) if each.startswith(start)), None)
        return f"{key}:{found}" if found and found != start and " " not in found else None


class FilterInput(Input):
    """An input whose every change is filtered at once, in the same frame as the key."""

    BINDINGS = [  # noqa: RUF012 - Textual's own class attribute
        Binding("escape", "leave", "Back to the list", show=False),
        Binding("enter,down", "leave", "Back to the list", show=False),
    ]

    @dataclass
    class Left(Message):
        """The operator is done typing."""

    def watch_value(self, value: str) -> None:
        """Filter synchronously: waiting for Changed costs two more frames (terminal.md section 1)."""
        bar = self.parent
        if isinstance(bar, FilterBar):
            bar.apply(value)

    def action_leave(self) -> None:
        """Hand the keyboard back."""
        self.post_message(self.Left())


class FilterBar(Vertical):
    """Posts nothing: calls `on_filter(filter, text)` so that the list is repainted in the same frame.

    kept: saved filters by name, used as `@name`.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.suggester = FilterSuggester()
        self.kept: Mapping[str, str] = {}
        self.error: FilterError | None = None
        self.on_filter: Callable[[Filter, str], None] = _ignore

    def compose(self) -> ComposeResult:
        """The input and the line under it."""
        yield FilterInput(
            placeholder="filter: name glob, os:linux cpu:>=4 !tag:legacy",
            suggester=self.suggester,
            compact=True,
        )
        yield Static(id="filter-state", markup=False)

    @property
    def input(self) -> FilterInput:
        """The input."""
        return self.query_one(FilterInput)

    def apply(self, text: str) -> None:
        """Parse and hand on. A wrong filter keeps the list as it was and says what is wrong."""
        try:
            parsed = combine_filters([text], self.kept)
        except FilterError as error:
            self.error = error
            self._show_error(error)
            return
        self.error = None
        self.on_filter(parsed, text)

    def _show_error(self, error: FilterError) -> None:
        column = error.position.column or 1
        where = f"{' ' * min(column - 1, 40)}^ "
        self.say(Text(f"{where}{error.bare_title}. {error.hint}", style="bold red", no_wrap=True))

    def say(self, text: Text | str) -> None:
        """Show this under the input."""
        shown = Text(text, no_wrap=True) if isinstance(text, str) else text
        self.query_one("#filter-state", Static).update(shown, layout=False)


def _ignore(_filter: Filter, _text: str) -> None:
    """Until a screen sets its own."""
