"""`v2s guest plan`, `v2s disk verify` and `v2s disk canary`: disks looked at without a batch."""

import shutil
from pathlib import Path

import click

from v2s_tui.cli.console import put, say
from v2s_tui.cli.options import chosen_config, config_option
from v2s_tui.domain.guest.changes import InitramfsMode

_FILE = click.Path(path_type=Path)
_WIDEST = 110


@click.group()
def guest() -> None:
    """Look into guests on disk files."""


@guest.command("plan")
@click.option(
    "--disk", "disks", type=_FILE, multiple=True, required=True, help="Boot disk first (repeatable)."
)
@click.option("--virtio-win", type=_FILE, help="Drivers for Windows: the virtio-win ISO or its folder.")
@click.option(
    "--initramfs",
    type=click.Choice([each.value for each in InitramfsMode]),
    default=InitramfsMode.OVERLAY.value,
    help="What the plan will say: append drivers to it, or let the guest's own tool rebuild it.",
)
@click.pass_context
def guest_plan(ctx: click.Context, disks: tuple[Path, ...], virtio_win: Path | None, initramfs: str) -> None:
    """List what is in a guest and what would be changed, each with its reason. The disks are only read."""
    from v2s_tui.bootstrap import cache_folder
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.presentation.guest_plan import guest_plan_lines
    from v2s_tui.usecases.inspect_disks import guest_plan as plan

    say("reading the guest; the appliance that opens its disks needs 10 to 30 seconds")
    found = plan(disks, cache_folder(), virtio_win, InitramfsMode(initramfs))
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for line in guest_plan_lines(found, width=width):
        put(line)
    if found.refusals:
        ctx.exit(ExitCode.BLOCKED)


@click.group()
def disk() -> None:
    """Look at disk files, and at what the importer makes of them."""


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


@disk.command()
@config_option
@click.pass_context
def canary(ctx: click.Context, config: Path | None) -> None:
    """Import a small image of unmodified grains and compare what comes out; takes minutes, costs cents.

    Where it passes, disks are passed through from now on instead of being compressed anew.
    """
    from v2s_tui.bootstrap import open_services
    from v2s_tui.cli.exit_codes import ExitCode
    from v2s_tui.usecases.canary import run_canary

    with open_services(chosen_config(ctx, config), warn=say) as services:
        found = run_canary(services, say=say)
    put(f"{'passed' if found.passed else 'FAILED'}: {found.detail}")
    if not found.passed:
        say("disks are compressed anew on their way, as they were (conversion.cluster_mode: w12)")
        ctx.exit(ExitCode.VM_FAILED)
