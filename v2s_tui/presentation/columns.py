"""A column of a table: title, width and how one row's cell reads. Used by the app's tables, the CLI and
reports alike.

Cells are plain text (no markup); state is told by words, colour only repeats it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
_OBEYED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")
"""Characters that a terminal obeys instead of showing them, but for tab and the ends of lines."""


def as_text(text: str) -> str:
    """Guests, tools and servers have their words in what is told; their escape sequences do not."""
    return _OBEYED.sub("", text)


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """name: stable id (kept in sessions). width: cells wanted; 0 takes what is left.

    sort_key: what to sort by; None sorts by the cell's text. important: kept at 80 columns. grows: takes the
    room left over and gives way down to 12 cells before any column is dropped; without one, the first grows.
    most: cells up to which it grows as well, once the growing column has its width.
    """

    name: str
    title: str
    width: int
    cell: Callable[[Row], str]
    sort_key: Callable[[Row], object] | None = None
    right: bool = False
    important: bool = True
    grows: bool = False
    most: int = 0

    def key(self, row: Row) -> object:
        """What this column sorts the row by."""
        return self.sort_key(row) if self.sort_key else self.cell(row).lower()
