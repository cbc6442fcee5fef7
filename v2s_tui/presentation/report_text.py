"""A batch report in each format: Markdown, HTML, CSV (one line for each VM) and JSON (everything)."""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from pydantic import TypeAdapter

from v2s_tui.domain.report import BatchReport
from v2s_tui.domain.report_lines import VmLine
from v2s_tui.presentation.columns import as_text
from v2s_tui.presentation.report_sections import Section, report_sections, report_title

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color:
#1d2330 } table { border-collapse: collapse; margin: 1rem 0; width: 100% } th, td { border-bottom: 1px solid
#d5dae3; padding: .35rem .6rem; text-align: left; overflow-wrap: anywhere } th { background: #f2f4f8 } pre {
background: #f2f4f8; padding: .8rem; overflow-x: auto }
"""


def report_markdown(report: BatchReport) -> str:
    """Markdown with tables (GitHub's dialect)."""
    parts = [
        f"# {report_title(report)}",
        *(part for each in report_sections(report) for part in _markdown(each)),
    ]
    return as_text("\n\n".join(parts) + "\n")


def _markdown(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    if section.paragraphs:
        yield "  \n".join(_plain(each) for each in section.paragraphs)
    if section.rows:
        lines = [section.columns, tuple("---" for _ in section.columns), *section.rows]
        yield "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)
    if section.code:
        longest = max(map(len, re.findall("`+", section.code)), default=0)
        fence = "`" * max(4, longest + 1)
        yield f"{fence}text\n{section.code}\n{fence}"


def _plain(cell: str) -> str:
    """A cell cannot break its table: names may hold anything."""
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def report_plain(report: BatchReport) -> str:
    """Plain text with aligned columns, for a terminal or a mail."""
    parts = [report_title(report), *(part for each in report_sections(report) for part in _plain_text(each))]
    return as_text("\n\n".join(parts) + "\n")


def _plain_text(section: Section) -> Iterator[str]:
    yield f"{section.title}\n{'-' * len(section.title)}"
    if section.paragraphs:
        yield "\n".join(section.paragraphs)
    if section.rows:
        lines = [section.columns, *section.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(section.columns))]
        yield "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )
    if section.code:
        yield section.code


def report_html(report: BatchReport) -> str:
    """One self-contained page."""
    title = html.escape(report_title(report))
    body = "\n".join(part for each in report_sections(report) for part in _html(each))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _html(section: Section) -> Iterator[str]:
    yield f"<h2>{html.escape(section.title)}</h2>"
    for each in section.paragraphs:
        yield f"<p>{html.escape(each)}</p>"
    if section.rows:
        head = "".join(f"<th>{html.escape(each)}</th>" for each in section.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in section.rows
        )
        yield f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    if section.code:
        yield f"<pre>{html.escape(section.code)}</pre>"


def report_csv(report: BatchReport) -> str:
    """One line for each VM; cells that a spreadsheet would run as a formula are quoted with an apostrophe."""
    names = [field.name for field in fields(VmLine)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_cell(getattr(line, name)) for name in names] for line in report.vms)
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def report_json(report: BatchReport) -> str:
    """The whole record as data."""
    data = TypeAdapter(BatchReport).dump_python(report, mode="json")
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


REPORT_FORMATS: Mapping[str, Callable[[BatchReport], str]] = {
    "markdown": report_markdown,
    "html": report_html,
    "text": report_plain,
    "csv": report_csv,
    "json": report_json,
}
"""By name, as `batch report --format` takes it."""

FORMAT_OF_SUFFIX: Mapping[str, str] = {
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".json": "json",
}


def report_format_of(path: Path) -> str:
    """The format that the ending of a file asks for; Markdown for any other."""
    return FORMAT_OF_SUFFIX.get(path.suffix.lower(), "markdown")
