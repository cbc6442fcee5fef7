"""Single cells of an RVTools row: numbers with or without separators, yes and no, dates, folders."""

import math
import re
from datetime import UTC, datetime, timedelta

from v2s_tui.adapters.formats.rvtools_tables import Record
from v2s_tui.domain.source.filters_keys import normal_path

_EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
LARGEST = 1e12
"""MiB that still fit 64 bits as bytes; more than any disk."""
_YES = {"true", "1", "yes", "wahr", "vrai", "verdadero"}
_NO = {"false", "0", "no", "falsch", "faux", "falso"}
"""Excel writes booleans of a .csv in the user's language."""


class Cells:
    """One row; every method takes column names in order of preference."""

    def __init__(self, row: Record) -> None:
        self._row = row

    def text(self, *names: str) -> str:
        """The first that is there, control characters taken out; "" when none is."""
        found = next((self._row[name] for name in names if name in self._row), "")
        return re.sub(r"[\x00-\x1f\x7f]", " ", found)

    def number(self, *names: str) -> float | None:
        """A number, whatever separates its thousands; None when there is none."""
        return plain_number(self.text(*names))

    def whole(self, *names: str) -> int:
        """A whole number, 0 when there is none."""
        return round(self.number(*names) or 0)

    def answer(self, *names: str) -> bool | None:
        """Yes, no, or None when it is not said."""
        word = self.text(*names).lower()
        return True if word in _YES else False if word in _NO else None

    def flag(self, *names: str) -> bool:
        """True only when it says yes."""
        return self.answer(*names) is True


def plain_number(text: str) -> float | None:
    """`1,234`, `1.234`, `1 234`, `1234.5`, `1,234.5` and `1.234,5` as numbers.

    Of two kinds of separators the last one is the decimal one; a single one followed by exactly three digits
    separates thousands, for RVTools counts whole MiB. Beyond LARGEST it is no number of a VM.
    """
    packed = re.sub(r"[\s\u00a0\u202f']", "", text)
    if not re.fullmatch(r"-?\d[\d.,]*", packed):
        return None
    kinds = {each for each in packed if each in ".,"}
    decimal = max(kinds, key=packed.rfind) if kinds else ""
    if len(kinds) == 1 and (packed.count(decimal) > 1 or re.search(rf"{re.escape(decimal)}\d{{3}}$", packed)):
        decimal = ""
    whole, _, fraction = packed.rpartition(decimal) if decimal else (packed, "", "")
    digits = re.sub(r"[.,]", "", whole)
    number = float(f"{digits}.{fraction or 0}") if digits.lstrip("-") else math.inf
    return number if abs(number) <= LARGEST else None


def moment(text: str) -> datetime | None:
    """A date and time: ISO order or Excel's day number, taken as UTC; None for orders that are ambiguous."""
    number = re.fullmatch(r"\d{4,5}(\.\d+)?", text)
    if number:
        return _EXCEL_EPOCH + timedelta(days=float(text))
    found = re.match(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", text)
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def folder_path(folder: str, datacenter: str) -> str:
    """RVTools' folder as v2s writes it, `/DC1/Production`, whether or not it names the datacentre."""
    path = normal_path(folder)
    parts = [part for part in path.split("/") if part]
    if datacenter and parts[:1] != [datacenter]:
        parts = [datacenter, *parts]
    return normal_path("/".join(parts)).removesuffix("/vm") or "/"
