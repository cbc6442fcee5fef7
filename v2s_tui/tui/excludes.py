"""What the plan leaves out: exclude VMs by a filter, or let in again what an exclusion keeps out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from textual.app import App

from v2s_tui.domain.errors import FilterError
from v2s_tui.domain.planning import edit
from v2s_tui.domain.planning.plan import BatchPlan, Exclusion
from v2s_tui.domain.source.filters import combine_filters, expand_names
from v2s_tui.presentation.columns import Column
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.choose import Choose


@dataclass(frozen=True, slots=True)
class ExcludeLine:
    """A line of the list: an exclusion to drop, or (None) adding one."""

    exclusion: Exclusion | None = None

    @property
    def text(self) -> str:
        """`vm_name web-01`, as the plan has it."""
        if self.exclusion is None:
            return "exclude VMs by a filter..."
        parts = self.exclusion.model_dump(
            exclude_none=True, include={"vm_name", "vm_pattern", "regex", "filter"}
        )
        return " ".join(f"{key} {value}" for key, value in parts.items())


COLUMNS: tuple[Column[ExcludeLine], ...] = (
    Column("what", "Left out", 40, lambda line: line.text, grows=True),
    Column("reason", "Reason", 24, lambda line: line.exclusion.reason if line.exclusion else ""),
)


def choose_exclusion(
    app: App[Any], plan: BatchPlan, kept: Mapping[str, str], use: Callable[[BatchPlan], None]
) -> None:
    """Ask; use(plan) takes the edited plan. kept: filters by name, written out: the plan stands alone."""

    def chosen(line: ExcludeLine | None) -> None:
        if line is None:
            return
        if line.exclusion is None:
            _ask_filter(app, kept, lambda text: use(edit.with_excluded_filter(plan, text)))
        else:
            use(edit.without_exclusion(plan, line.exclusion))

    lines = [ExcludeLine(), *(ExcludeLine(each) for each in plan.exclude)]
    title = (
        "Excluded from the plan: enter lets in again" if plan.exclude else "Nothing is excluded from the plan"
    )
    app.push_screen(Choose[ExcludeLine](title, COLUMNS, lines), chosen)


def filter_problem(text: str, kept: Mapping[str, str]) -> str:
    """What is wrong with that filter, "" when nothing is."""
    try:
        combine_filters([text], kept)
    except FilterError as error:
        return f"{error.bare_title}. {error.hint}"
    return "" if text.strip() else "an empty filter would take all VMs"


def _ask_filter(app: App[Any], kept: Mapping[str, str], given: Callable[[str], None]) -> None:
    def answered(text: str | None) -> None:
        if text:
            given(expand_names(text, kept))

    ask = Ask(
        "Exclude VMs by filter",
        hint="tag:legacy  snapshot:>=5  @saved",
        check=lambda text: filter_problem(text, kept),
    )
    app.push_screen(ask, answered)
