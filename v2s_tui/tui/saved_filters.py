"""Filters kept by name: use one, keep the one in hand, forget one. Those of migration.yaml are only used."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from textual.app import App

from v2s_tui.presentation.columns import Column
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.workspace import Workspace

_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A line of the list. what: `use`, `keep` or `forget`."""

    what: str
    name: str
    text: str
    place: str


COLUMNS: tuple[Column[SavedFilter], ...] = (
    Column("name", "Filter", 22, lambda line: f"@{line.name}" if line.what == "use" else line.name),
    Column("text", "Text", 30, lambda line: line.text, grows=True),
    Column("place", "Kept in", 15, lambda line: line.place, important=False),
)


def lines(work: Workspace, config: Mapping[str, str]) -> list[SavedFilter]:
    """What can be done: keep the filter in hand, use one, forget one."""
    keep = [SavedFilter("keep", "keep this filter as...", work.filter_text, "")] if work.filter_text else []
    own = [SavedFilter("use", name, text, "session") for name, text in sorted(work.saved_filters.items())]
    given = [
        SavedFilter("use", name, text, "migration.yaml")
        for name, text in sorted(config.items())
        if name not in work.saved_filters
    ]
    forget = [SavedFilter("forget", "forget one...", "", "")] if own else []
    return [*keep, *own, *given, *forget]


def choose_filter(
    app: App[Any], work: Workspace, config: Mapping[str, str], use: Callable[[str], None]
) -> None:
    """Ask which; use(text) puts a filter to work."""
    offered = lines(work, config)
    if not offered:
        app.notify("no filter is saved yet: type one with /, then F keeps it", timeout=8, markup=False)
        return

    def chosen(line: SavedFilter | None) -> None:
        if line is None:
            return
        if line.what == "keep":
            _keep(app, work)
        elif line.what == "forget":
            _forget(app, work)
        else:
            use(line.text)

    app.push_screen(Choose[SavedFilter]("Saved filters", COLUMNS, offered), chosen)


def _keep(app: App[Any], work: Workspace) -> None:
    text = work.filter_text

    def named(name: str | None) -> None:
        if name:
            work.saved_filters[name] = text
            app.notify(f"kept: @{name} means {text}", timeout=8, markup=False)

    def wrong(name: str) -> str:
        if not _NAME.fullmatch(name):
            return "letters, digits, - _ and . only"
        return "a filter cannot contain itself" if f"@{name}" in text.split() else ""

    app.push_screen(Ask("Name of this filter", hint=text, check=wrong), named)


def _forget(app: App[Any], work: Workspace) -> None:
    def chosen(line: SavedFilter | None) -> None:
        if line is not None:
            work.saved_filters.pop(line.name, None)

    kept = [line for line in lines(work, {}) if line.what == "use"]
    app.push_screen(Choose[SavedFilter]("Forget which", COLUMNS, kept, enter="forget"), chosen)
