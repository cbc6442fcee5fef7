"""VM names that want to be paths, markup, escapes or formulas: a whole batch of them, and every report."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from hypothesis import given, settings
from hypothesis import strategies as st

from v2s_tui.domain.execution.ledger import plain_name, resource_name
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.report import report_of
from v2s_tui.engine.settings import GateMode
from v2s_tui.presentation.report_text import REPORT_FORMATS

NAMES = (
    "../../../../etc/cron.d/x",
    "/etc/passwd",
    "..",
    ".",
    "-rf",
    "--help",
    "a/b\\c",
    "C:\\x",
    "$(reboot)",
    "`id`",
    "a;b|c&d",
    "<script>alert(1)</script>",
    '"><img src=x onerror=y>',
    "[bold red]x[/]",
    "{{7*7}}",
    "%s%n%x",
    "=1+1",
    "@SUM(1)",
    "+cmd",
    "été-数据库-☃",
    "\u202egnp.exe",
    "a\u200bb",
    "n" * 255,
    "é" * 127,
    " spaces ",
    "|table|",
    "**md**",
    "a%2fb",
    "[ds1] vm/vm.vmx",
    "NUL",
    "con",
    "x" * 80 + "..",
)


def test_a_batch_of_hostile_names_stays_in_its_folder(tmp_path: Path) -> None:
    work = tmp_path / "a" / "b" / "work"
    work.mkdir(parents=True)
    rig = Rig(plan_of([("all", [vm_named(name) for name in NAMES], PausePolicy.CONTINUE)]), work)
    outcome = rig.run(gate_mode=GateMode.APPROVE)
    assert outcome.complete == len(NAMES)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(work)]
    assert not outside
    assert all(
        re.fullmatch(r"[\w.-]+", part) for path in work.rglob("*") for part in path.relative_to(work).parts
    )
    report = report_of(rig.state, rig.clock.now())
    for form, text_of in REPORT_FORMATS.items():
        text = text_of(report)
        assert "\x1b" not in text, form
    check_html(REPORT_FORMATS["html"](report))
    rows = list(csv.DictReader(io.StringIO(REPORT_FORMATS["csv"](report))))
    assert len(rows) == len(NAMES)
    assert not [
        cell for row in rows for cell in row.values() if (cell or "").startswith(("=", "+", "-", "@"))
    ]
    print(f"{len(NAMES)} hostile names through a batch and {len(REPORT_FORMATS)} report formats")


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def check_html(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert "table" in tags.names
    assert not tags.names & {"script", "img", "iframe", "a", "link", "object"}
    assert not {each for each in tags.attributes if each.startswith("on")} | tags.attributes & {"src", "href"}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=255))
def test_any_name_becomes_a_name_the_target_takes(name: str) -> None:
    for made in (plain_name(name), resource_name(name, "0123456789", "disk-0")):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", made)
        assert 0 < len(made) <= 63


@pytest.mark.parametrize("name", NAMES)
def test_names_of_different_migrations_stay_different(name: str) -> None:
    assert resource_name(name, "aaaaaaaaaa", "disk-0") != resource_name(name, "bbbbbbbbbb", "disk-0")
