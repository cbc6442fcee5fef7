"""`v2s plan check|show|diff|schema`."""

from pathlib import Path

import click

from v2s_tui.cli.console import put, put_table, say
from v2s_tui.cli.options import chosen_config, config_option


@click.group()
def plan() -> None:
    """Check, show and compare plan files."""


@plan.command()
@click.argument("path", type=click.Path(path_type=Path))
@config_option
@click.pass_context
def check(ctx: click.Context, path: Path, config: Path | None) -> None:
    """Check a plan: syntax always; against vCenter and Scaleway when a configuration is at hand."""
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.presentation.findings import finding_lines
    from v2s_tui.usecases.check_plan import outlook_of_file

    outlook = outlook_of_file(chosen_config(ctx, config), path, warn=say)
    for line in finding_lines(outlook.findings, fixes=True):
        put(line)
    put(f"{path}: {len(outlook.resolved.vms)} VMs in {len(outlook.resolved.waves)} waves")
    if outlook.blocking:
        say(f"{len(outlook.blocking)} findings block the start")
        ctx.exit(ExitCode.BLOCKED)


@plan.command()
@click.argument("path", type=click.Path(path_type=Path))
@config_option
@click.pass_context
def show(ctx: click.Context, path: Path, config: Path | None) -> None:
    """Show what a plan resolves to today: waves, VMs, types."""
    from v2s_tui.presentation.findings import findings_of
    from v2s_tui.presentation.wave_rows import PLAN_COLUMNS, plan_rows
    from v2s_tui.usecases.check_plan import outlook_of_file

    outlook = outlook_of_file(chosen_config(ctx, config), path, warn=say)
    put_table(PLAN_COLUMNS, plan_rows(outlook.resolved, *findings_of(outlook.findings)))
    for name, reason in outlook.resolved.excluded:
        put(f"excluded: {name} ({reason})")


@plan.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
def diff(before: Path, after: Path) -> None:
    """What changed from one plan file to another."""
    from v2s_tui.adapters.formats.plan_yaml import read_plan
    from v2s_tui.domain.planning.diff import diff_lines

    lines = diff_lines(read_plan(before).plan, read_plan(after).plan)
    for line in lines or ["no difference"]:
        put(line)


@plan.command()
def schema() -> None:
    """The JSON Schema of plan files, for editors."""
    import orjson

    from v2s_tui.adapters.formats.plan_schema import plan_schema

    put(orjson.dumps(plan_schema(), option=orjson.OPT_INDENT_2).decode())
