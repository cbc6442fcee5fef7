"""Which columns of a table fit into a width, how wide each is, and a cell cut or padded to that; pure."""

from collections.abc import Sequence
from typing import TypeVar

from rich.cells import set_cell_size

from v2s_tui.presentation.columns import Column

Row = TypeVar("Row")
MARGIN = 2
"""Cells before the first column: cursor sign and mark sign, so that both are visible without colour."""
GAP = 2
"""Cells between columns: one lets a number and the word after it run together."""
LEAST_GROWING = 12
"""Cells below which a growing column is dropped rather than cut further."""
MOST_GROWING = 48
"""Cells beyond which a column does not grow while others are there: the eye loses its line in the gap."""


def fit_columns(columns: Sequence[Column[Row]], width: int) -> list[tuple[Column[Row], int]]:
    """Columns that fit into width with the width each gets.

    Unimportant columns are dropped first, from the right; then from the right whatever does not fit. A
    growing column is counted at its least width and takes what is left over, at most MOST_GROWING; without
    one the first does.
    """
    chosen = list(columns)
    while len(chosen) > 1 and _wanted(chosen) > width:
        droppable = [each for each in chosen if not each.important]
        if not droppable:
            break
        chosen.remove(droppable[-1])
    while len(chosen) > 1 and _total(chosen) > width:
        chosen.remove(chosen[-1])
    widths = [_least(each) for each in chosen]
    if widths:
        index = next((place for place, each in enumerate(chosen) if each.grows), 0)
        spare = max(0, width - _total(chosen))
        spare -= _grown(widths, index, chosen[index].width, spare)
        for place, column in enumerate(chosen):
            spare -= _grown(widths, place, column.most, spare)
        most = MOST_GROWING if len(chosen) > 1 and not chosen[index].grows else width - MARGIN
        widths[index] = max(widths[index], min(widths[index] + spare, most))
    return list(zip(chosen, widths, strict=True))


def _grown(widths: list[int], place: int, wanted: int, spare: int) -> int:
    """Widen that column towards the wanted width; returns the cells it took."""
    taken = min(spare, max(0, wanted - widths[place]))
    widths[place] += taken
    return taken


def _least(column: Column[Row]) -> int:
    return min(column.width, LEAST_GROWING) if column.grows else column.width


def _wanted(columns: Sequence[Column[Row]]) -> int:
    return MARGIN - GAP + sum(each.width + GAP for each in columns)


def _total(columns: Sequence[Column[Row]]) -> int:
    return MARGIN - GAP + sum(_least(each) + GAP for each in columns)


def cell_text(text: str, width: int, *, right: bool) -> str:
    """The text on one line, exactly that many cells wide."""
    fitted = text.replace("\n", " ")
    if right and len(fitted) < width:
        fitted = fitted.rjust(width)
    return set_cell_size(fitted, width)
