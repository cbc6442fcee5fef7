"""The parts of a filter: terms of one key and one value, and how they are written."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """Comparisons of numeric keys; RANGE includes both ends and is written `4..8`."""

    AT_LEAST = ">="
    AT_MOST = "<="
    ABOVE = ">"
    BELOW = "<"
    EQUAL = "="
    RANGE = ".."


@dataclass(frozen=True, slots=True)
class Comparison:
    """A bound on a number. number is in the key's own unit (GiB for ram and disk); upper only for RANGE."""

    operator: Operator
    number: float
    upper: float = 0

    def holds(self, value: float) -> bool:
        """True when the value lies within the bound."""
        match self.operator:
            case Operator.AT_LEAST:
                return value >= self.number
            case Operator.AT_MOST:
                return value <= self.number
            case Operator.ABOVE:
                return value > self.number
            case Operator.BELOW:
                return value < self.number
            case Operator.EQUAL:
                return value == self.number
            case Operator.RANGE:
                return self.number <= value <= self.upper

    def __str__(self) -> str:
        if self.operator is Operator.RANGE:
            return f"{_plain(self.number)}..{_plain(self.upper)}"
        sign = "" if self.operator is Operator.EQUAL else self.operator.value
        return f"{sign}{_plain(self.number)}"


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


@dataclass(frozen=True, slots=True)
class Term:
    """`key:value` or `!key:value`; key is canonical (`guest_os` became `os_id`)."""

    key: str
    value: str | Comparison
    negated: bool = False

    def __str__(self) -> str:
        text = str(self.value) if isinstance(self.value, Comparison) else quoted(self.value)
        return f"{'!' if self.negated else ''}{self.key}:{text}"


def looks_numeric(value: str) -> bool:
    """True for what a key that takes text and numbers reads as a number: `3`, `>=2`, `1..4`."""
    return re.match(r"[<>=]|\d+(\.\d+)?(\.\.\d+(\.\d+)?)?$", value) is not None


def quoted(value: str) -> str:
    """The value as it must be written: in quotes where it is empty, holds a blank or quote, or could be a
    number.
    """
    if value and not re.search(r"[\s\"]", value) and not looks_numeric(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
