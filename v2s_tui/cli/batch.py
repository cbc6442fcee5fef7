"""`v2s batch estimate|run|resume|status|report|list|attach|undo`."""

from functools import partial
from pathlib import Path

import click

from v2s_tui.cli.console import put, put_table, say
from v2s_tui.cli.options import batch_id_option, chosen_config, config_option, format_of_file, format_option

_PLAN = click.option("--plan", "plan_path", type=click.Path(path_type=Path), required=True, help="plan.yaml")


@click.group()
def batch() -> None:
    """Estimate, run, resume and report batches."""


@batch.command()
@_PLAN
@config_option
@click.option("--available-disk", type=float, help="GB of work space (else what is free).")
@click.option("--concurrency", type=click.IntRange(1), default=5, help="Of the seed model only.")
@click.option("--model", type=click.Choice(["simulation", "seed"]), default="simulation", show_default=True)
@click.option("--set", "changes", multiple=True, metavar="LIMIT=N", help="What if: disk_io=5 (repeatable).")
@format_option("text", "json")
@click.pass_context
def estimate(
    ctx: click.Context,
    plan_path: Path,
    config: Path | None,
    *,
    available_disk: float | None,
    concurrency: int,
    model: str,
    changes: tuple[str, ...],
    output_format: str,
) -> None:
    """Time, work space and cost of a plan, by simulating the scheduler that will run it."""
    from v2s_tui.cli.estimate import put_forecast, put_seed_estimate

    chosen = chosen_config(ctx, config)
    if model == "seed":
        put_seed_estimate(chosen, plan_path, concurrency, available_disk, as_json=output_format == "json")
        return
    put_forecast(chosen, plan_path, changes, available_disk, as_json=output_format == "json")


@batch.command()
@_PLAN
@config_option
@click.option("--dry-run", is_flag=True, help="Check and show, start nothing.")
@click.option("--yes", "-y", is_flag=True, help="Confirm, and approve every gate.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report there.")
@click.option("--events", help="JSON lines of everything that happens, to a file or `-`.")
@click.option("--detach", is_flag=True, help="Go on in the background and return.")
@click.pass_context
def run(ctx: click.Context, /, plan_path: Path, config: Path | None, **options: object) -> None:
    """Run a plan: the same as `v2s --run PLAN`."""
    from v2s_tui.cli.headless import run_plan

    ctx.exit(run_plan(chosen_config(ctx, config), plan_path, **options))  # type: ignore[arg-type]


@batch.command()
@batch_id_option(required=True)
@config_option
@click.option("--approve", is_flag=True, help="Approve the gate the batch waits at.")
@click.option("--yes", "-y", is_flag=True, help="Approve every gate.")
@click.option("--gates", type=click.Choice(["wait", "stop", "approve", "ask"]), hidden=True)
@click.option("--keep-failed", is_flag=True, help="Leave failed VMs as they are.")
@click.option(
    "--vm", "vm_names", multiple=True, help="Run this one again, cancelled or skipped too (repeatable)."
)
@click.option(
    "--from", "from_stage", metavar="STAGE", help="With --vm: begin there, as `snapshot` or `export`."
)
@click.option(
    "--plan", "plan_path", type=click.Path(path_type=Path), help="With --vm: with its entry as it is there."
)
@click.option("--report", type=click.Path(path_type=Path), help="Write the report there.")
@click.option("--events", help="JSON lines of everything that happens, to a file or `-`.")
@click.pass_context
def resume(
    ctx: click.Context,
    /,
    batch_id: str,
    config: Path | None,
    *,
    keep_failed: bool,
    vm_names: tuple[str, ...],
    from_stage: str | None,
    plan_path: Path | None,
    **options: object,
) -> None:
    """Go on with a batch: prints where each VM restarts and why, then runs. Complete VMs stay untouched."""
    from v2s_tui.cli import headless
    from v2s_tui.cli.reopening import reopen

    chosen = chosen_config(ctx, config)
    if not vm_names and (from_stage or plan_path):
        raise click.UsageError("--from and --plan go with --vm")
    if vm_names:
        reopen(chosen, batch_id, vm_names, from_stage, plan_path)
    ctx.exit(headless.resume(chosen, batch_id, retry_failed=not keep_failed, **options))  # type: ignore[arg-type]


@batch.command("list")
@config_option
@click.pass_context
def list_command(ctx: click.Context, config: Path | None) -> None:
    """Every batch of the work folder, newest first."""
    from v2s_tui.bootstrap import open_services
    from v2s_tui.presentation.batch_columns import BATCH_COLUMNS
    from v2s_tui.usecases.show_batches import list_batches

    with open_services(chosen_config(ctx, config), warn=say) as services:
        put_table(BATCH_COLUMNS, list_batches(services))


@batch.command()
@batch_id_option(required=False)
@config_option
@format_option("text", "json")
@click.pass_context
def status(ctx: click.Context, batch_id: str | None, config: Path | None, output_format: str) -> None:
    """Where a batch stands: waves, VMs, what each waits for."""
    from v2s_tui.bootstrap import open_services
    from v2s_tui.cli.batch_status import put_status
    from v2s_tui.usecases.show_batches import live_picture

    with open_services(chosen_config(ctx, config), warn=say) as services:
        put_status(live_picture(services, batch_id), as_json=output_format == "json")


@batch.command()
@batch_id_option(required=False)
@config_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write there instead of stdout.")
@format_option("markdown", "text", "html", "csv", "json", "opentofu")
@click.option("--wave", help="With opentofu: only this one, by name or number.")
@click.pass_context
def report(
    ctx: click.Context,
    batch_id: str | None,
    config: Path | None,
    *,
    output: Path | None,
    output_format: str,
    wave: str | None,
) -> None:
    """What happened, for the record: results, times, approvals, artifacts, ids, cost.

    opentofu: import blocks of what was made, by wave, to keep it as code from now on.
    """
    from v2s_tui.bootstrap import open_services
    from v2s_tui.presentation.report_text import FORMAT_OF_SUFFIX
    from v2s_tui.usecases.report_batch import batch_report, hand_over

    output_format = format_of_file(ctx, output, FORMAT_OF_SUFFIX)
    if wave is not None and output_format != "opentofu":
        raise click.UsageError("--wave goes with --format opentofu")
    with open_services(chosen_config(ctx, config), warn=say) as services:
        if output_format == "opentofu":
            text = hand_over(services, batch_id, wave=wave)
        else:
            text = batch_report(services, batch_id, output_format)
    if output is None:
        put(text.rstrip("\n"))
    else:
        output.write_text(text, encoding="utf-8")
        say(f"report written to {output}")


@batch.command()
@batch_id_option(required=True)
@config_option
@click.option("--vm", "vm_names", multiple=True, help="Only this VM (repeatable), even when it runs.")
@click.option("--dry-run", is_flag=True, help="Show the list only.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_context
def undo(
    ctx: click.Context,
    batch_id: str,
    config: Path | None,
    *,
    vm_names: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove what a batch made at Scaleway, in Object Storage and in VMware: list, question, removal."""
    from v2s_tui.cli.undo import undo as undo_command

    ctx.exit(undo_command(chosen_config(ctx, config), batch_id, vm_names, yes=yes, dry_run=dry_run))


@batch.command()
@batch_id_option(required=False, otherwise="the one that runs")
@config_option
@click.option("--take-over", is_flag=True, help="Take the right to command from whoever has it.")
@click.option(
    "--plan", "plan_path", type=click.Path(path_type=Path), help="With retry: the VM's entry as it is there."
)
@click.argument("command", nargs=-1)
@click.pass_context
def attach(
    ctx: click.Context,
    batch_id: str | None,
    config: Path | None,
    *,
    take_over: bool,
    plan_path: Path | None,
    command: tuple[str, ...],
) -> None:
    """Watch a running batch, or give it one command.

    \b
    v2s batch attach                        watch
    v2s batch attach approve                pass the gate (also: approve_retry_failed, hold, abort)
    v2s batch attach retry VM [STAGE]       also: skip VM, cancel VM
    v2s batch attach pause                  also: resume, pause_limit L, resume_limit L, set_limit L N
    """
    from v2s_tui.bootstrap import open_services
    from v2s_tui.cli.batch_attach import give_command, watch
    from v2s_tui.usecases.check_plan import check_plan_file
    from v2s_tui.usecases.run_batch import entry_as_planned
    from v2s_tui.usecases.show_batches import running_path

    with open_services(chosen_config(ctx, config), warn=say) as services:
        path = running_path(services, batch_id, to_command=bool(command))
        if command:
            entry_of = None
            if plan_path is not None:
                entry_of = partial(entry_as_planned, check_plan_file(services, plan_path))
            say(give_command(path, command, take_over=take_over, entry_of=entry_of))
        else:
            watch(path)
