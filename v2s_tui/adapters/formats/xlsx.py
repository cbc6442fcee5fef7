"""Sheets of an .xlsx file as rows of text, read-only, with the standard library.

An .xlsx from elsewhere is untrusted: entries that unpack to too much, or out of all proportion, and XML with
a DOCTYPE (entity bombs, external entities) are refused. Source of the format: ECMA-376 part 1, SpreadsheetML.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from v2s_tui.adapters.formats.xlsx_readers import Collector, Handler, Row, SheetReader, StringsReader
from v2s_tui.domain.errors import InventoryFileError, Position

MAX_UNPACKED_BYTES = 1 << 30
MAX_RATIO = 200
"""Unpacked to packed size of one entry; real sheets stay below 30."""
SMALL_BYTES = 1 << 20
"""Below this an entry may compress as well as it likes."""
MAX_ENTRIES = 2000
UNREADABLE = (
    ExpatError, KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError,
    RuntimeError, NotImplementedError,
)  # fmt: skip
"""What reading a damaged entry can raise; the last two for encrypted ones and unknown compression."""


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
        reader = SheetReader(self._shared_strings())
        self._parse(self._sheets[sheet], reader)
        yield from reader.rows

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def _sheet_paths(self) -> dict[str, str]:
        book, relations = Collector({"sheet"}), Collector({"Relationship"})
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
            reader = StringsReader()
            if "xl/sharedStrings.xml" in self._zip.namelist():
                self._parse("xl/sharedStrings.xml", reader)
            self._strings = reader.strings
        return self._strings

    def _parse(self, entry: str, handler: Handler) -> None:
        parser = ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = handler.start
        parser.EndElementHandler = handler.end
        parser.CharacterDataHandler = handler.text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            with self._zip.open(entry) as file:
                parser.ParseFile(file)
        except UNREADABLE as err:
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
        reason = (isinstance(err, OSError) and err.strerror) or str(err)
        raise file_error(
            path, f"cannot be opened: {reason}", "give an RVTools .xlsx, .zip or .csv export"
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
