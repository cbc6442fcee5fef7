"""Whoever asks for the lab in the app's guide gets `v2s demo` in its place."""

import click
import pytest
from click.testing import CliRunner

from v2s_tui.cli.main import cli
from v2s_tui.tui.beginning import TRY_THE_LAB


@pytest.mark.parametrize(("code", "said", "left_with"), [(TRY_THE_LAB, "the demo", 0), (143, "", 143)])
def test_the_guide_leads_to_the_demo(
    monkeypatch: pytest.MonkeyPatch, code: int, said: str, left_with: int
) -> None:
    monkeypatch.setattr("v2s_tui.cli.app.open_app", lambda *_: code)
    monkeypatch.setattr(
        "v2s_tui.cli.lab.demo", click.Command("demo", callback=lambda: click.echo("the demo"))
    )
    result = CliRunner().invoke(cli, [])
    assert result.output.strip() == said
    assert result.exit_code == left_with
