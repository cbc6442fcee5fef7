"""How an operator wants a table: which columns in which order and width, sorted by what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from v2s_tui.presentation.columns import Column

Row = TypeVar("Row")
LEAST_WIDTH, MOST_WIDTH = 3, 80


@dataclass(frozen=True, slots=True)
class TableLook:
    """order: names of all columns as the operator arranged them, () as they come. widths: changed ones.

    sort: name of a column, "" the order of the data.
    """

    order: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    widths: Mapping[str, int] = field(default_factory=dict)
    sort: str = ""
    reverse: bool = False

    def arranged(self, columns: Sequence[Column[Row]]) -> list[Column[Row]]:
        """All columns in the wanted order and width; new ones, which the order does not know, last."""
        place = {name: index for index, name in enumerate(self.order)}
        ordered = sorted(columns, key=lambda each: place.get(each.name, len(place)))
        return [
            replace(each, width=self.widths[each.name]) if each.name in self.widths else each
            for each in ordered
        ]

    def shown(self, columns: Sequence[Column[Row]]) -> list[Column[Row]]:
        """Those not hidden; the first one stays when all are."""
        arranged = self.arranged(columns)
        return [each for each in arranged if each.name not in self.hidden] or arranged[:1]

    def sorted(self, columns: Sequence[Column[Row]], rows: Sequence[Row]) -> Sequence[Row]:
        """The rows in the wanted order."""
        column = next((each for each in columns if each.name == self.sort), None)
        if column is None:
            return list(reversed(rows)) if self.reverse else rows
        return sorted(rows, key=column.key, reverse=self.reverse)  # type: ignore[arg-type]

    def sorted_by(self, name: str) -> "TableLook":
        """Sorted by that column; turned round when it already is."""
        return replace(self, sort=name, reverse=not self.reverse if name == self.sort else False)

    def toggled(self, name: str) -> "TableLook":
        """That column hidden, or shown again."""
        return replace(self, hidden=self.hidden ^ {name})

    def moved(self, columns: Sequence[Column[Row]], name: str, step: int) -> "TableLook":
        """That column `step` places later, kept inside."""
        names = [each.name for each in self.arranged(columns)]
        index = names.index(name)
        names.insert(max(0, min(index + step, len(names) - 1)), names.pop(index))
        return replace(self, order=tuple(names))

    def widened(self, columns: Sequence[Column[Row]], name: str, step: int) -> "TableLook":
        """That column `step` cells wider."""
        now = next(each.width for each in self.arranged(columns) if each.name == name)
        return replace(self, widths={**self.widths, name: max(LEAST_WIDTH, min(MOST_WIDTH, now + step))})

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the session file."""
        return {
            "order": list(self.order),
            "hidden": sorted(self.hidden),
            "widths": dict(self.widths),
            "sort": self.sort,
            "reverse": self.reverse,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TableLook":
        """What `to_dict` wrote; what is not there is as in a new one."""
        return cls(
            tuple(map(str, data.get("order", ()))),
            frozenset(map(str, data.get("hidden", ()))),
            {str(name): int(width) for name, width in data.get("widths", {}).items()},
            str(data.get("sort", "")),
            bool(data.get("reverse", False)),
        )
