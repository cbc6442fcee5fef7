"""RVTools files from elsewhere: bombs, formulas, damage; memory and time stay bounded."""

import random
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from campaign import Campaign, damaged_bytes
from rvtools_exports import ALL, VINFO, write_xlsx

from v2s_tui.adapters.formats.inventory_files import inventory_text
from v2s_tui.adapters.formats.rvtools import read_rvtools
from v2s_tui.domain.errors import InventoryFileError

MIB = 1 << 20


def test_damaged_workbooks(tmp_path: Path) -> None:
    chance, campaign = random.Random(4), Campaign((InventoryFileError,))
    good = tmp_path / "good.xlsx"
    write_xlsx(good, ALL)
    content, path = good.read_bytes(), tmp_path / "export.xlsx"
    for _ in range(200):
        path.write_bytes(damaged_bytes(content, chance))
        campaign.feed(lambda: read_rvtools(path))
    campaign.report("workbooks, damaged bytes")
    assert campaign.counted["refused as InventoryFileError"] > 20


def test_damaged_sheets_inside_sound_workbooks(tmp_path: Path) -> None:
    chance, campaign = random.Random(5), Campaign((InventoryFileError,))
    good, path = tmp_path / "good.xlsx", tmp_path / "export.xlsx"
    write_xlsx(good, ALL)
    with zipfile.ZipFile(good) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    for _ in range(150):
        name = chance.choice(sorted(parts))
        with zipfile.ZipFile(path, "w") as book:
            for each, content in parts.items():
                book.writestr(each, damaged_bytes(content, chance) if each == name else content)
        campaign.feed(lambda: read_rvtools(path))
    campaign.report("workbooks, damaged sheets")


def test_strange_cells(tmp_path: Path) -> None:
    chance, campaign = random.Random(6), Campaign((InventoryFileError,))
    strange = [
        "",
        "=1+1",
        "=HYPERLINK(1)",
        -1,
        10**40,
        "1e999",
        "NaN",
        "∞",
        "\u202e",
        "../../x",
        "a" * 5000,
        "True;DROP",
        1.5,
        "12,3.4",
        "31/02/2026",
        "[",
        "٣",
        "_x0000_",
    ]
    path = tmp_path / "export.xlsx"
    for _ in range(120):
        rows = [list(row) for row in VINFO]
        for _ in range(5):
            row = chance.choice(rows[1:])
            row[chance.randrange(len(row))] = chance.choice(strange)
        write_xlsx(path, {**ALL, "vInfo": rows})
        campaign.feed(lambda: [inventory_text(read_rvtools(path), form) for form in ("json", "yaml", "csv")])
    campaign.report("workbooks, strange cells")
    assert campaign.counted["taken"] > 100


def test_damaged_csv(tmp_path: Path) -> None:
    chance, campaign = random.Random(7), Campaign((InventoryFileError,))
    text = "\n".join(";".join(str(cell) for cell in row) for row in VINFO).encode()
    path = tmp_path / "vinfo.csv"
    for _ in range(200):
        path.write_bytes(damaged_bytes(text, chance))
        campaign.feed(lambda: read_rvtools(path))
    campaign.report("csv, damaged bytes")


@pytest.mark.parametrize("size_mib", [64, 512])
def test_a_sheet_that_unpacks_to_much_is_refused_before_it_is_unpacked(tmp_path: Path, size_mib: int) -> None:
    path = tmp_path / "bomb.xlsx"
    write_xlsx(path, ALL)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book, book.open("xl/bomb.xml", "w") as entry:
        for _ in range(size_mib):
            entry.write(bytes(MIB))
    tracemalloc.start()
    with pytest.raises(InventoryFileError, match="refused"):
        read_rvtools(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 16 * MIB


def test_a_directory_that_lies_about_sizes_is_refused(tmp_path: Path) -> None:
    """The central directory says 10 bytes; the entry unpacks to many."""
    path = tmp_path / "lie.xlsx"
    write_xlsx(path, ALL, extra={"xl/sharedStrings.xml": "<sst>" + "<si><t>x</t></si>" * 100_000 + "</sst>"})
    content = path.read_bytes()
    with zipfile.ZipFile(path) as book:
        true_size = book.getinfo("xl/sharedStrings.xml").file_size
    assert content.count(true_size.to_bytes(4, "little")) >= 1
    path.write_bytes(content.replace(true_size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(InventoryFileError):
        read_rvtools(path)


def test_rows_that_begin_far_to_the_right_do_not_fill_the_memory(tmp_path: Path) -> None:
    """30 bytes of XML that stand for 16,384 cells, many times; noise keeps the file from being a zip bomb."""
    chance, path = random.Random(12), tmp_path / "wide.xlsx"
    write_xlsx(path, ALL)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name).decode() for name in book.namelist()}
    wide = "".join(f'<row><c r="XFD1"><v>{chance.getrandbits(64)}</v></c></row>' for _ in range(5000))
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(
        "</sheetData>", wide + "</sheetData>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    with pytest.raises(InventoryFileError, match="cells"):
        read_rvtools(path)


def test_formulas_in_names_do_not_run_in_a_spreadsheet(tmp_path: Path) -> None:
    rows = [list(row) for row in VINFO]
    rows[1][0] = '=cmd|"/c calc"!A1'
    path = tmp_path / "export.xlsx"
    write_xlsx(path, {"vInfo": rows})
    lines = inventory_text(read_rvtools(path), "csv").splitlines()
    cells = [cell.strip('"') for line in lines for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


READ_AND_MEASURE = """
import resource, sys
from pathlib import Path
from v2s_tui.adapters.formats.rvtools import read_rvtools
from v2s_tui.domain.errors import InventoryFileError
try:
    read_rvtools(Path(sys.argv[1]))
except InventoryFileError as refusal:
    print(refusal, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, sep="|")
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_two_million_rows_are_refused_within_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"vinfo.{form}"
    (many_rows_csv if form == "csv" else many_rows_xlsx)(path, 2_000_000)
    argv = [sys.executable, "-c", READ_AND_MEASURE, str(path)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    refusal, peak_mib = said.split("|")
    assert "more than 400,000 rows" in refusal
    print(f"2,000,000 rows of {form}, {path.stat().st_size >> 20} MiB: at most {int(peak_mib)} MiB")
    assert int(peak_mib) < 1500


def many_rows_csv(path: Path, count: int) -> None:
    rest = ";".join(str(cell) for cell in VINFO[1][1:])
    with path.open("w") as file:
        file.write(";".join(str(cell) for cell in VINFO[0]) + "\n")
        file.writelines(f"vm-{number};{rest}\n" for number in range(count))


def many_rows_xlsx(path: Path, count: int) -> None:
    """Noise in each cell, so that the file is no zip bomb."""
    chance = random.Random(13)
    write_xlsx(path, ALL)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name).decode() for name in book.namelist()}
    rows = "".join(f"<row><c><v>{chance.getrandbits(40)}</v></c></row>" for _ in range(count))
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace("</sheetData>", rows + "</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)


def test_a_csv_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "vinfo.csv"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InventoryFileError, match="larger than 512 MiB"):
        read_rvtools(path)
