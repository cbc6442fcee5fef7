"""The tables of an RVTools export, from .xlsx, zipped .csv or one .csv, with columns found by name."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from sys import intern
from zipfile import ZipFile, ZipInfo

from v2s_tui.adapters.formats.xlsx import UNREADABLE, Workbook, file_error, open_zip

TABLES = (
    "vInfo",
    "vDisk",
    "vNetwork",
    "vSnapshot",
    "vTools",
    "vPartition",
    "vHost",
    "vCluster",
    "vDatastore",
    "vMetaData",
)
MAX_ROWS = 400_000
"""Of one table; the largest vCenter has 45,000 VMs."""
MAX_CSV_BYTES = 1 << 29
Record = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as column name -> text, names lower-cased with single blanks; empty cells are left out."""

    name: str
    columns: frozenset[str]
    rows: tuple[Record, ...]


def read_tables(path: Path) -> dict[str, Table]:
    """Every known table of the export by name. Raises InventoryFileError."""
    ending = path.suffix.lower()
    if ending == ".xlsx":
        return _from_workbook(path)
    if ending == ".zip":
        return _from_zip(path)
    if ending == ".csv":
        return _from_csv(path)
    raise file_error(
        path, "is no RVTools export", "give the .xlsx, a .zip of the .csv files, or vInfo as .csv"
    )


def heading(text: str) -> str:
    """A column's name as it is compared: lower case, single blanks, MB and MiB alike."""
    plain = re.sub(r"\s+", " ", text.replace("\xa0", " ")).strip().lower()
    return re.sub(r"\bmb\b", "mib", plain)


def _from_workbook(path: Path) -> dict[str, Table]:
    book = Workbook(path)
    try:
        names = {sheet: name for sheet in book.sheet_names if (name := _known(sheet))}
        return {name: _table(path, name, book.rows(sheet)) for sheet, name in names.items()}
    finally:
        book.close()


def _from_zip(path: Path) -> dict[str, Table]:
    with open_zip(path) as opened:
        found = {}
        for entry in opened.infolist():
            name = _known(PurePath(entry.filename).stem)
            if name and entry.filename.lower().endswith(".csv"):
                found[name] = _table(path, name, _csv_rows(_unpacked(path, opened, entry)))
    if not found:
        raise file_error(
            path, "holds no RVTools .csv file", "zip the folder that RVTools wrote its .csv files to"
        )
    return found


def _unpacked(path: Path, opened: ZipFile, entry: ZipInfo) -> bytes:
    try:
        return opened.read(entry)
    except UNREADABLE as err:
        raise file_error(path, f"{entry.filename} is damaged: {err}", "export it from RVTools again") from err


def _from_csv(path: Path) -> dict[str, Table]:
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise file_error(path, f"is larger than {MAX_CSV_BYTES >> 20} MiB", "split the export by vCenter")
        content = path.read_bytes()
    except OSError as err:
        raise file_error(path, f"cannot be read: {err.strerror}", "check the path") from err
    name = _known(path.stem) or "vInfo"
    return {name: _table(path, name, _csv_rows(content))}


def _known(name: str) -> str | None:
    """`vInfo`, `tabvInfo`, `RVTools_tabvInfo` are all the table vInfo."""
    return next((table for table in TABLES if name.lower().endswith(table.lower())), None)


def _csv_rows(content: bytes) -> Iterator[Sequence[str]]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding=_encoding(content), errors="replace", newline="")
    first = text.readline()
    text.seek(0)
    return csv.reader(text, delimiter=max(",;\t", key=first.count))


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _table(path: Path, name: str, rows: Iterable[Sequence[str]]) -> Table:
    lines = iter(rows)
    records: list[Record] = []
    try:
        columns = [heading(each) for each in next(lines, [])]
        for row in lines:
            cells = zip(columns, row, strict=False)
            record = {key: intern(value.strip()) for key, value in cells if value.strip()}
            if record:
                records.append(record)
            if len(records) > MAX_ROWS:
                raise file_error(
                    path, f"{name} has more than {MAX_ROWS:,} rows", "split the export by vCenter"
                )
    except csv.Error as err:
        raise file_error(path, f"{name} is no .csv table: {err}", "export it from RVTools again") from err
    return Table(name, frozenset(columns) - {""}, tuple(records))
