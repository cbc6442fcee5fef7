"""`v2s doctor` and `v2s leftovers`."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from v2s_tui.cli.console import put, say
from v2s_tui.cli.options import chosen_config, config_option, format_option

if TYPE_CHECKING:
    from v2s_tui.domain.checks import Check


@click.command()
@config_option
@click.option("--fix", is_flag=True, help="Prepare libguestfs' appliance; name the packages to install.")
@click.option("--plan", type=click.Path(path_type=Path), help="Also quotas and stock that this plan needs.")
@format_option("text", "json")
@click.pass_context
def doctor(
    ctx: click.Context, config: Path | None, *, fix: bool, plan: Path | None, output_format: str
) -> None:
    """Check tools, firmware, KVM, space, vCenter, Scaleway, Object Storage; each finding with its fix."""
    from v2s_tui.bootstrap import cache_folder, open_services
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.domain.checks import CheckState
    from v2s_tui.usecases.check_host import missing_packages
    from v2s_tui.usecases.run_doctor import run_doctor

    with open_services(chosen_config(ctx, config), warn=say) as services:
        checks = _told(run_doctor(services, cache_folder(), fix=fix, plan=plan), output_format)
    if fix and (packages := missing_packages()):
        say(f"run as root: apt-get install {' '.join(packages)}")
    if any(check.state is CheckState.FAIL for check in checks):
        ctx.exit(ExitCode.BLOCKED)


def _told(checks: Iterator["Check"], output_format: str) -> "list[Check]":
    """Text line by line as they are made, JSON all together; wrapped where a person reads it."""
    from dataclasses import asdict

    from v2s_tui.presentation.check_lines import check_lines

    if output_format == "json":
        import orjson

        made = list(checks)
        put(orjson.dumps([asdict(check) for check in made], option=orjson.OPT_INDENT_2).decode())
        return made
    made, width = [], shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for check in checks:
        made.append(check)
        for line in check_lines(check, width=width):
            put(line)
    return made


@click.command()
@config_option
@click.option("--delete", is_flag=True, help="Remove them, after asking.")
@click.option("--yes", "-y", is_flag=True, help="With --delete: do not ask.")
@format_option("table", "json")
@click.pass_context
def leftovers(
    ctx: click.Context, config: Path | None, *, delete: bool, yes: bool, output_format: str
) -> None:
    """What earlier runs left at VMware, Object Storage and Scaleway, with its monthly cost."""
    from v2s_tui.bootstrap import open_services
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.cli.leftovers import put_leftovers, remove_leftovers
    from v2s_tui.usecases.leftovers import find_leftovers

    with open_services(chosen_config(ctx, config), warn=say) as services:
        found = find_leftovers(services)
        put_leftovers(found, as_json=output_format == "json")
        if delete and found:
            failed = remove_leftovers(services, found, ask=not yes)
            ctx.exit(ExitCode.VM_FAILED if failed else ExitCode.DONE)
