"""Sheets of an .xlsx file as rows of text, read-only, with the standard library.

An .xlsx from elsewhere is untrusted: entries that unpack to too much, or out of all proportion, and XML with
a DOCTYPE (entity bombs, external entities) are refused. Source of the format: ECMA-376 part 1, SpreadsheetML.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from v2s_tui.domain.errors import InventoryFileError, Position

MAX_UNPACKED_BYTES = 1 << 30
MAX_RATIO = 200
"""Unpacked to packed size of one entry; real sheets stay below 30."""
SMALL_BYTES = 1 << 20
"""Below this an entry may compress as well as it likes."""
MAX_ENTRIES = 2000
Row = list[str]


class Workbook:
    """An open .xlsx file. Raises InventoryFileError for anything that is not one or is dangerous."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip = open_zip(path)
        self._sheets = self._sheet_paths()
        self._strings: list[str] | None = None

    @property
    def sheet_names(self) -> tuple[str, ...]:
        """Names in the order of the tabs."""
        return tuple(self._sheets)

    def rows(self, sheet: str) -> Iterator[Row]:
        """The rows of one sheet; cells by column, "" where a cell is empty. KeyError for an unknown sheet."""
        reader = _SheetReader(self._shared_strings())
        self._parse(self._sheets[sheet], reader)
        yield from reader.rows

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def _sheet_paths(self) -> dict[str, str]:
        book, relations = _Collector({"sheet"}), _Collector({"Relationship"})
        self._parse("xl/workbook.xml", book)
        self._parse("xl/_rels/workbook.xml.rels", relations)
        targets = {each.get("Id", ""): each.get("Target", "") for each in relations.found}
        paths = {}
        for sheet in book.found:
            target = targets.get(next((value for key, value in sheet.items() if key.endswith(":id")), ""), "")
            paths[sheet.get("name", "")] = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
        return paths

    def _shared_strings(self) -> list[str]:
        if self._strings is None:
            reader = _StringsReader()
            if "xl/sharedStrings.xml" in self._zip.namelist():
                self._parse("xl/sharedStrings.xml", reader)
            self._strings = reader.strings
        return self._strings

    def _parse(self, entry: str, handler: "_Handler") -> None:
        parser = ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = handler.start
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            with self._zip.open(entry) as file:
                parser.ParseFile(file)
        except (ExpatError, KeyError, zipfile.BadZipFile, EOFError, OSError, ValueError) as err:
            raise file_error(
                self._path, f"{entry} is damaged: {err}", "export it from RVTools again"
            ) from err

    def _refuse_doctype(self, *_: Any) -> None:
        raise file_error(
            self._path, "contains an XML document type", "an RVTools export has none; do not trust it"
        )


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip file whose unpacked size is reasonable; raises InventoryFileError."""
    try:
        opened = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as err:
        raise file_error(
            path, f"cannot be opened: {err}", "give an RVTools .xlsx, .zip or .csv export"
        ) from err
    entries = opened.infolist()
    bombs = [
        each for each in entries if each.file_size > max(SMALL_BYTES, MAX_RATIO * max(each.compress_size, 1))
    ]
    if bombs or len(entries) > MAX_ENTRIES or sum(each.file_size for each in entries) > MAX_UNPACKED_BYTES:
        opened.close()
        what = (
            f"{bombs[0].filename} unpacks to {bombs[0].file_size:,} bytes"
            if bombs
            else "it unpacks to too much"
        )
        raise file_error(path, f"refused: {what}", "this does not look like an RVTools export")
    return opened


def file_error(path: Path, title: str, hint: str) -> InventoryFileError:
    """A mistake in a file."""
    return InventoryFileError(title, hint=hint, position=Position(str(path)))


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Handler:
    """What expat calls."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        raise NotImplementedError

    def text(self, data: str) -> None:
        raise NotImplementedError


class _Collector(_Handler):
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


class _StringsReader(_Handler):
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


class _SheetReader(_Handler):
    """A worksheet's rows."""

    def __init__(self, strings: list[str]) -> None:
        self.rows: list[Row] = []
        self._strings = strings
        self._row: Row = []
        self._kind = ""
        self._column = 0
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
