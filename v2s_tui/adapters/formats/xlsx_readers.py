"""What expat calls while it reads the parts of an .xlsx file: attributes, shared strings, rows of cells."""

import re
from typing import Protocol

Row = list[str]


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class Handler(Protocol):
    """One part's reader."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, data: str) -> None: ...


class Collector:
    """Attributes of all elements of these names."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self.found: list[dict[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if _local(name) in self._names:
            self.found.append(attributes)

    def end(self, name: str) -> None:
        """Nothing to do."""

    def text(self, data: str) -> None:
        """Nothing to do."""


class StringsReader:
    """sharedStrings.xml: the text of each <si>, phonetic hints (<rPh>) left out."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._parts: list[str] = []
        self._in_text = False
        self._phonetic = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        self._in_text = local == "t" and not self._phonetic
        self._phonetic += local == "rPh"

    def end(self, name: str) -> None:
        local = _local(name)
        self._in_text = False
        self._phonetic -= local == "rPh"
        if local == "si":
            self.strings.append("".join(self._parts))
            self._parts.clear()

    def text(self, data: str) -> None:
        if self._in_text:
            self._parts.append(data)


MAX_CELLS = 20_000_000
"""Empty ones before the last of a row included; 100,000 VMs by 100 columns have half of that."""


class SheetReader:
    """A worksheet's rows. Raises ValueError when there are more cells than a real one has."""

    def __init__(self, strings: list[str]) -> None:
        self.rows: list[Row] = []
        self._strings = strings
        self._row: Row = []
        self._kind = ""
        self._column = 0
        self._cells = 0
        self._parts: list[str] = []
        self._reading = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if local == "row":
            self._row = []
        elif local == "c":
            self._kind = attributes.get("t", "n")
            reference = attributes.get("r", "")
            self._column = column_number(reference) if reference else len(self._row)
            self._parts.clear()
        self._reading = local in {"v", "t"}

    def end(self, name: str) -> None:
        local = _local(name)
        self._reading = False
        if local == "c":
            self._put("".join(self._parts))
        elif local == "row":
            self.rows.append(self._row)

    def text(self, data: str) -> None:
        if self._reading:
            self._parts.append(data)

    def _put(self, raw: str) -> None:
        self._cells += max(1, self._column + 1 - len(self._row))
        if self._cells > MAX_CELLS:
            raise ValueError(f"a sheet of more than {MAX_CELLS:,} cells")
        self._row += [""] * (self._column - len(self._row))
        self._row[self._column :] = [self._value(raw)]

    def _value(self, raw: str) -> str:
        if self._kind == "s":
            return self._strings[int(raw)] if raw.isdigit() and int(raw) < len(self._strings) else ""
        return {"0": "False", "1": "True"}.get(raw, raw) if self._kind == "b" else raw


def column_number(reference: str) -> int:
    """`A1` as 0, `AB7` as 27; raises ValueError beyond the format's 16,384 columns."""
    letters = re.match(r"[A-Z]{1,3}", reference)
    if letters is None:
        raise ValueError(f"bad cell reference {reference!r}")
    number = 0
    for letter in letters.group():
        number = number * 26 + ord(letter) - ord("A") + 1
    if number > 16384:
        raise ValueError(f"bad cell reference {reference!r}")
    return number - 1
