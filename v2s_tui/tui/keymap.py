"""The keys that work on the screen in front, read from its bindings: for help, hints and the palette.

Nothing is listed twice and nothing is written down twice: a rebound key shows everywhere as it is now.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from textual.app import App
from textual.binding import ActiveBinding, Binding
from textual.dom import DOMNode
from textual.screen import Screen

from v2s_tui.presentation.columns import Column

_TEXTUALS_OWN = ("app.", "screen.", "help_quit", "scroll_left", "scroll_right")
"""Actions of Textual itself (focus, copying selected text) that are no part of the flow."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One action. keys: as they are bound now. id: what `keys:` in migration.yaml calls it, "" when it cannot
    be rebound. shown: belongs to the hints at the bottom. node: where the action runs.
    """

    keys: tuple[str, ...]
    text: str
    action: str
    id: str
    shown: bool
    place: str
    node: DOMNode

    @property
    def key_text(self) -> str:
        """`a, A`."""
        return ", ".join(self.keys)

    @property
    def call(self) -> str:
        """The action with its namespace, for a click."""
        return f"{'app' if self.place == 'everywhere' else 'screen'}.{self.action}"


def key_lines(screen: Screen[Any]) -> tuple[KeyLine, ...]:
    """Every described action of that screen, its own first, then the list's, then those that work
    everywhere.
    """
    found: dict[tuple[str, str], KeyLine] = {}
    for active in screen.active_bindings.values():
        line = _line(screen.app, active)
        if line is None:
            continue
        before = found.get((line.place, line.action))
        found[line.place, line.action] = _merged(before, line) if before else line
    order = {"here": 0, "list": 1, "everywhere": 2}
    return tuple(sorted(found.values(), key=lambda each: order[each.place]))


def _merged(one: KeyLine, other: KeyLine) -> KeyLine:
    """Two keys of one action; the binding with a name leads."""
    first, second = (other, one) if other.id and not one.id else (one, other)
    return replace(first, keys=tuple(dict.fromkeys((*first.keys, *second.keys))))


def _line(app: App[Any], active: ActiveBinding) -> KeyLine | None:
    binding = active.binding
    if not binding.description or not active.enabled or binding.action.startswith(_TEXTUALS_OWN):
        return None
    if isinstance(active.node, App):
        place = "everywhere"
    else:
        place = "here" if isinstance(active.node, Screen) else "list"
    key = app.get_key_display(binding)
    return KeyLine(
        (key,), binding.description, binding.action, binding.id or "", binding.show, place, active.node
    )


def hints(lines: tuple[KeyLine, ...], *, typing: bool = False) -> Iterator[KeyLine]:
    """In the order in which the bottom line gives them room: the screen's main keys, then its others.

    typing: the keyboard is in an input, where the screen's letters are text; only the input's own keys work.
    """
    if typing:
        own = [line for line in lines if line.place == "list" and line.shown]
        yield from sorted(own, key=_rank)
        return
    own = [line for line in lines if line.place == "here"]
    yield from (line for line in own if line.shown)
    yield from (line for line in own if not line.shown)


def _rank(line: KeyLine) -> int:
    """Its place among the bindings as the widget lists them."""
    actions = [each.action for each in type(line.node).BINDINGS if isinstance(each, Binding)]
    return actions.index(line.action) if line.action in actions else len(actions)


KEY_COLUMNS: tuple[Column[KeyLine], ...] = (
    Column("key", "Key", 12, lambda line: line.key_text),
    Column("text", "What it does", 30, lambda line: line.text, grows=True),
    Column("place", "Works", 10, lambda line: line.place),
    Column("id", "Name in keys:", 22, lambda line: line.id, important=False),
)
"""Help. The last column is what to write under `keys:` in migration.yaml to rebind it."""
