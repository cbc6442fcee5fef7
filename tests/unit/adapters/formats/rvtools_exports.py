"""Writes small RVTools exports as RVTools and Excel would: .xlsx with shared and inline strings, and .csv."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Sheet = Sequence[Sequence[object]]
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

VINFO: Sheet = [
    ["VM", "Powerstate", "Template", "DNS Name", "CPUs", "Memory", "In Use MiB", "Firmware", "Folder",
     "Datacenter",
     "Cluster", "Host", "OS according to the configuration file", "VM ID", "VM UUID", "CBT", "HW version",
     "Path"],
    ["web-01", "poweredOn", False, "web-01.lan", 4, 8192, 20480, "efi", "/DC1/vm/Production", "DC1", "prod",
     "esxi-01",
     "Debian GNU/Linux 12 (64-bit)", "vm-101", "5012-a", True, "19", "[ds1] web-01/web-01.vmx"],
    ["web-01", "poweredOff", "False", "", "2", "4,096", "", "bios", "Old", "DC1", "prod", "esxi-02",
     "Microsoft Windows Server 2019 (64-bit)", "vm-102", "5012-b", "False", "13", "[ds2] w/w.vmx"],
    ["golden", "poweredOff", True, "", 2, 4096, 1, "bios", "Templates", "DC1", "prod", "esxi-02", "Debian",
     "vm-103",
     "5012-c", False, "13", ""],
    ["", "poweredOff", False, "", 2, 4096, 1, "bios", "", "DC1", "", "", "", "vm-104", "", "", "", ""],
]  # fmt: skip
VDISK: Sheet = [
    ["VM", "VM UUID", "Disk", "Disk Key", "Capacity MiB", "Raw", "Raw Comp. Mode", "Disk Mode",
     "Sharing mode", "Thin",
     "Controller", "Unit #", "Disk Path"],
    ["web-01", "5012-a", "Hard disk 1", 2000, 40960, False, "", "persistent", "sharingNone", True,
     "SCSI controller 0", 0,
     "[ds1] web-01/web-01.vmdk"],
    ["web-01", "5012-a", "Hard disk 2", 2001, "1.024", "True", "physicalMode", "independent_persistent",
     "sharingMultiWriter", False, "SCSI controller 0", 1, "[ds 9] web-01/rdm.vmdk"],
    ["web-01", "5012-b", "Hard disk 1", 2000, 81920, False, "", "persistent", "", "", "", 0,
     "[ds2] w/w.vmdk"],
]  # fmt: skip
VNETWORK: Sheet = [
    ["VM", "VM UUID", "NIC label", "Adapter", "Network", "Connected", "Mac Address", "IPv4 Address",
     "IPv6 Address"],
    ["web-01", "5012-a", "Network adapter 1", "Vmxnet3", "VLAN 10", True, "00:50:56:AA:00:01",
     "10.0.0.5, 10.0.0.6", "fe80::1"],
]  # fmt: skip
VSNAPSHOT: Sheet = [["VM", "VM UUID", "Name", "Date / time"], ["web-01", "5012-a", "before", 46000.5]]
VTOOLS: Sheet = [["VM", "VM UUID", "Tools", "Tools Version"], ["web-01", "5012-a", "toolsOk", 12352]]
VPARTITION: Sheet = [
    ["VM", "VM UUID", "Disk", "Capacity MiB", "Free MiB"],
    ["web-01", "5012-a", "/", 1000, 10],
]
VMETADATA: Sheet = [["RVTools version", "xlsx creation datetime"], ["4.6", "2026-02-19 10:00:00"]]
ALL: Mapping[str, Sheet] = {
    "vInfo": VINFO, "vDisk": VDISK, "vNetwork": VNETWORK, "vSnapshot": VSNAPSHOT, "vTools": VTOOLS,
    "vPartition": VPARTITION, "vMetaData": VMETADATA,
}  # fmt: skip


def write_xlsx(
    path: Path, sheets: Mapping[str, Sheet], *, inline: bool = False, extra: Mapping[str, str] | None = None
) -> Path:
    """An .xlsx; inline: strings in the cells instead of the shared table.

    extra: entries that replace ours.
    """
    strings: list[str] = []
    entries = {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": "<Relationships>"
        + "".join(f'<Relationship Id="rId{n}" Target="worksheets/sheet{n}.xml"/>' for n in range(1,
        len(sheets) + 1))
        + "</Relationships>",
    }  # fmt: skip
    for number, rows in enumerate(sheets.values(), 1):
        entries[f"xl/worksheets/sheet{number}.xml"] = _sheet_xml(rows, strings, inline=inline)
    if strings:
        items = "".join(f"<si><t>{escape(each)}</t></si>" for each in strings)
        entries["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{items}</sst>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in (entries | dict(extra or {})).items():
            file.writestr(name, text)
    return path


def _sheet_xml(rows: Sheet, strings: list[str], *, inline: bool) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            _cell(f"{_column(index)}{number}", value, strings, inline=inline)
            for index, value in enumerate(row)
            if value != ""
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _column(index: int) -> str:
    return (chr(64 + index // 26) if index >= 26 else "") + chr(65 + index % 26)


def _cell(reference: str, value: object, strings: list[str], *, inline: bool) -> str:
    if isinstance(value, bool):
        return f'<c r="{reference}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{reference}"><v>{value}</v></c>'
    if inline:
        return f'<c r="{reference}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'
    if value not in strings:
        strings.append(str(value))
    return f'<c r="{reference}" t="s"><v>{strings.index(str(value))}</v></c>'


def csv_text(rows: Sheet, delimiter: str = ",") -> str:
    """A table as .csv, every cell quoted."""
    out = io.StringIO()
    for row in rows:
        out.write(delimiter.join('"' + str(value).replace('"', '""') + '"' for value in row) + "\r\n")
    return out.getvalue()
