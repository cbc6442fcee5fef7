"""A file gets what its ending says, unless --format says otherwise."""

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from fakes.source import MADE_AT

from v2s_tui.cli.main import cli
from v2s_tui.cli.options import format_of_file, format_option
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.presentation.report_text import FORMAT_OF_SUFFIX, REPORT_FORMATS
from v2s_tui.usecases.export_inventory import FORMATS


@click.command()
@click.option("-o", "output", type=click.Path(path_type=Path))
@format_option("table", "yaml", "csv")
@click.pass_context
def chosen(ctx: click.Context, output: Path | None, output_format: str) -> None:
    click.echo(format_of_file(ctx, output, FORMATS))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "table"),
        (("-o", "vms.csv"), "csv"),
        (("-o", "vms.CSV"), "csv"),
        (("-o", "vms.txt"), "table"),
        (("-o", "vms.csv", "--format", "yaml"), "yaml"),
        (("-o", "vms.csv", "--format", "table"), "table"),
    ],
)
def test_the_ending_tells_the_format(arguments: tuple[str, ...], said: str) -> None:
    assert CliRunner().invoke(chosen, arguments).output.strip() == said


def test_a_report_and_a_listing_are_what_their_files_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = SimpleNamespace(settings=SimpleNamespace(filters={}))
    monkeypatch.setattr("v2s_tui.bootstrap.open_services", lambda *_, **__: nullcontext(services))
    monkeypatch.setattr("v2s_tui.usecases.report_batch.batch_report", lambda _, __, kind: f"as {kind}")
    monkeypatch.setattr(
        "v2s_tui.usecases.load_inventory.load_inventory", lambda _: Inventory((), "lab", MADE_AT)
    )
    report, listing = tmp_path / "report.html", tmp_path / "vms.json"
    for arguments in (["batch", "report", "-o", str(report)], ["inventory", "-o", str(listing)]):
        assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert report.read_text() == "as html"
    assert json.loads(listing.read_text())["vms"] == []


def test_every_ending_of_a_report_is_a_format_of_it() -> None:
    assert set(FORMAT_OF_SUFFIX.values()) <= set(REPORT_FORMATS)
