"""`v2s guest plan` and `v2s disk verify`: disk files looked at without a batch."""

from pathlib import Path

import click

from v2s_tui.cli.console import put, say

_FILE = click.Path(path_type=Path)


@click.group()
def guest() -> None:
    """Look into guests on disk files."""


@guest.command("plan")
@click.option(
    "--disk", "disks", type=_FILE, multiple=True, required=True, help="Boot disk first (repeatable)."
)
@click.pass_context
def guest_plan(ctx: click.Context, disks: tuple[Path, ...]) -> None:
    """List what would be changed in a Linux guest, each with its reason. The disks are only read."""
    from v2s_tui.adapters.guest.plan_guest import plan_lines
    from v2s_tui.bootstrap import cache_folder
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.usecases.inspect_disks import guest_plan as plan

    found = plan(disks, cache_folder())
    for line in plan_lines(found):
        put(line)
    if found.refusals:
        ctx.exit(ExitCode.BLOCKED)


@click.group()
def disk() -> None:
    """Look at disk files."""


@disk.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--manifest", type=_FILE, help="Digests of its clusters (else FILE.manifest).")
@click.pass_context
def verify(ctx: click.Context, path: Path, manifest: Path | None) -> None:
    """Compare a disk, as image, raw file or volume, with the manifest made when it was exported."""
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.usecases.inspect_disks import verified_lines, verify_file

    found = verify_file(path, manifest)
    for line in verified_lines(found):
        (put if found.holds else say)(line)
    if not found.holds:
        ctx.exit(ExitCode.VM_FAILED)
