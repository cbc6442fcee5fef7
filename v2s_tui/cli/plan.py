"""`v2s plan check|show|diff|schema`."""

from pathlib import Path

import click

from v2s_tui.cli.console import put, say
from v2s_tui.cli.options import chosen_config, config_option

_PATH = click.argument("path", type=click.Path(path_type=Path))


@click.group()
def plan() -> None:
    """Check, show and compare plan files."""


@plan.command()
@_PATH
@config_option
@click.option("--offline", is_flag=True, help="Only the file itself: no vCenter, no Scaleway.")
@click.option(
    "--each", "one_by_one", is_flag=True, help="Every VM's findings; else what they share is told once."
)
@click.pass_context
def check(ctx: click.Context, path: Path, config: Path | None, *, offline: bool, one_by_one: bool) -> None:
    """Check a plan against the inventory, the catalogue, quotas and rights."""
    from v2s_tui.bootstrap import open_services
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.domain.planning.lint import lint_plan
    from v2s_tui.domain.planning.show import plan_size
    from v2s_tui.domain.units import counted
    from v2s_tui.presentation.findings import finding_lines, grouped_lines
    from v2s_tui.usecases.check_plan import check_plan_file
    from v2s_tui.usecases.edit_plan_file import open_plan_file

    lines_of = finding_lines if one_by_one else grouped_lines
    if offline:
        opened = open_plan_file(path).plan
        for line in lines_of(lint_plan(opened), fixes=True):
            put(line)
        lines, waves = counted(len(opened.migrations), "line"), counted(len(opened.waves), "wave")
        put(f"{path}: {lines}, {waves}, well formed")
        return
    with open_services(chosen_config(ctx, config), warn=say) as services:
        outlook = check_plan_file(services, path)
    for line in lines_of(outlook.findings, fixes=True):
        put(line)
    put(f"{path}: {plan_size(outlook.resolved)}")
    if outlook.blocking:
        say(f"{counted(len(outlook.blocking), 'finding')} in the way of the start")
        ctx.exit(ExitCode.BLOCKED)


@plan.command()
@_PATH
@config_option
@click.pass_context
def show(ctx: click.Context, path: Path, config: Path | None) -> None:
    """Show what a plan resolves to today: waves, VMs, types, cost."""
    from v2s_tui.bootstrap import open_services
    from v2s_tui.domain.planning.show import plan_lines
    from v2s_tui.usecases.check_plan import check_plan_file

    with open_services(chosen_config(ctx, config), warn=say) as services:
        outlook = check_plan_file(services, path, ask=False)
    for line in plan_lines(outlook.resolved, outlook.cost):
        put(line)


@plan.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path), required=False)
@config_option
@click.pass_context
def diff(ctx: click.Context, before: Path, after: Path | None, config: Path | None) -> None:
    """What changed from one plan file to another; with one file, against the inventory of today."""
    from v2s_tui.bootstrap import open_services
    from v2s_tui.domain.planning.difference import diff_inventory, diff_plans
    from v2s_tui.usecases.edit_plan_file import open_plan_file
    from v2s_tui.usecases.load_inventory import load_inventory

    old = open_plan_file(before).plan
    if after is not None:
        changes = diff_plans(old, open_plan_file(after).plan)
    else:
        with open_services(chosen_config(ctx, config), warn=say) as services:
            kept = services.settings.filters
            changes = diff_inventory(old, load_inventory(services), kept_filters=kept)
    for change in changes:
        put(str(change))
    if not changes:
        put("no difference")


@plan.command()
def schema() -> None:
    """The JSON Schema of plan files, for editors."""
    import orjson

    from v2s_tui.domain.planning.schema import plan_schema

    put(orjson.dumps(plan_schema(), option=orjson.OPT_INDENT_2).decode())
