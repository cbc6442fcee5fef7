"""`v2s --run`: the whole job without a screen; `batch run` and `batch resume` end here too."""

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from v2s_tui.bootstrap import open_services
from v2s_tui.cli.aside import Aside
from v2s_tui.cli.console import put, put_table, say, say_in_red
from v2s_tui.cli.exit_codes import ExitCode
from v2s_tui.cli.run_output import EventFile, LineOutput, ask_gate, ask_interrupt, say_gate
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.batch import GateState
from v2s_tui.domain.execution.events import Decision
from v2s_tui.domain.planning.preflight.check import require_clear
from v2s_tui.domain.planning.show import plan_size
from v2s_tui.domain.units import format_duration, format_eur
from v2s_tui.engine.outcome import BatchOutcome, exit_code
from v2s_tui.engine.settings import GateMode
from v2s_tui.presentation.findings import count_line, findings_of, grouped_lines
from v2s_tui.presentation.report_text import report_format_of
from v2s_tui.presentation.start_lines import power_lines
from v2s_tui.presentation.wave_rows import PLAN_COLUMNS, plan_rows
from v2s_tui.usecases.check_plan import check_plan_file
from v2s_tui.usecases.earlier_batches import migrated_before, migrated_elsewhere
from v2s_tui.usecases.look_ahead import Outlook
from v2s_tui.usecases.report_batch import batch_report
from v2s_tui.usecases.run_batch import RunOptions, create_batch, restart_lines, run_batch
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import batch_picture
from v2s_tui.usecases.start_runner import start_runner

_LINES_FIRST_SECONDS = 1.0
"""What led to a gate is said before the question at it."""


def run_plan(
    config: Path | None,
    plan_path: Path,
    *,
    yes: bool,
    report: Path | None,
    events: str | None,
    detach: bool,
    dry_run: bool = False,
    show_report: bool = False,
) -> int:
    """Check the plan, say what will happen, run it; returns the exit code."""
    _require_writable(report, events, detach=detach)
    with open_services(config, warn=say) as services:
        outlook = check_plan_file(services, plan_path)
        _show(outlook)
        for line in migrated_before(services, outlook.resolved):
            say_in_red(line)
        require_clear(outlook.findings)
        if dry_run:
            say("dry run: nothing was started")
            return ExitCode.DONE
        if not yes and _at_terminal():
            click.confirm("Start?", abort=True, err=True)
        batch_id = create_batch(services, outlook, plan_path=plan_path.resolve())
        say(f"batch {batch_id}")
        if detach:
            gates = GateMode.APPROVE if yes else GateMode.WAIT
            log = start_runner(services, batch_id, gates, report=report, events=events)
            say(f"running in the background; log {log}; `v2s batch attach --batch-id {batch_id}` watches")
            return ExitCode.DONE
        options = RunOptions(origin="--run", gate_mode=_gate_mode(yes=yes))
        return run_to_report(services, batch_id, options, report=report, events=events, show=show_report)


def resume(
    config: Path | None,
    batch_id: str,
    *,
    approve: bool,
    yes: bool,
    gates: str | None,
    report: Path | None,
    events: str | None,
    retry_failed: bool = True,
) -> int:
    """Go on with a batch: print where each VM restarts and why, then run."""
    _require_writable(report, events)
    with open_services(config, warn=say) as services:
        say_gate(batch_picture(services, batch_id))
        say(f"batch {batch_id}: looking at what its VMs have left here, in vCenter and at Scaleway")
        restarts = restart_lines(services, batch_id)
        for restart in restarts:
            say(restart.describe())
        for line in migrated_elsewhere(services, batch_id, [each.vm_name for each in restarts]):
            say_in_red(line)
        mode = GateMode(gates) if gates else _gate_mode(yes=yes)
        options = RunOptions(
            origin="batch resume", gate_mode=mode, retry_failed=retry_failed, approve=approve or yes
        )
        return run_to_report(services, batch_id, options, report=report, events=events)


def run_to_report(
    services: Services,
    batch_id: str,
    options: RunOptions,
    *,
    report: Path | None,
    events: str | None,
    show: bool = False,
) -> int:
    """Run in the foreground with lines on stderr, then write the report where it is wanted or needed."""
    output = LineOutput()

    def asked(_gate: GateState) -> Decision | None:
        lines.wait(_LINES_FIRST_SECONDS)
        return ask_gate(batch_picture(services, batch_id))

    with ExitStack() as stack:
        lines = stack.enter_context(Aside())
        listeners = [lines.later(output.on_event)]
        if events:
            file = stack.enter_context(EventFile(events))
            listeners.append(stack.enter_context(Aside()).later(file.on_event))
        outcome = run_batch(
            services,
            batch_id,
            replace(
                options,
                listeners=listeners,
                on_picture=lines.unless_behind(output.on_picture),
                ask_gate=asked if options.gate_mode is GateMode.ASK else None,
                ask_interrupt=ask_interrupt if _at_terminal() else None,
            ),
        )
    _write_report(services, outcome, report, show=show)
    _say_outcome(services, outcome)
    return exit_code(outcome)


def _gate_mode(*, yes: bool) -> GateMode:
    if yes:
        return GateMode.APPROVE
    return GateMode.ASK if _at_terminal() else GateMode.STOP


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _show(outlook: Outlook) -> None:
    blocks, warns = findings_of(outlook.findings)
    for line in (*grouped_lines(outlook.findings, notes=False), count_line(outlook.findings)):
        if line:
            say(line)
    rows = plan_rows(outlook.resolved, blocks, warns)
    put_table(PLAN_COLUMNS, rows, to_stderr=True)
    cost, forecast = outlook.cost, outlook.forecast
    for line in power_lines(outlook.resolved):
        say_in_red(line)
    say(
        f"{plan_size(outlook.resolved)}, "
        f"about {format_duration(forecast.p50_seconds)}, {format_eur(cost.monthly)} per month"
    )


def _write_report(services: Services, outcome: BatchOutcome, path: Path | None, *, show: bool) -> None:
    text = batch_report(services, outcome.batch_id, report_format_of(path) if path else "markdown")
    if path is None and (outcome.failed or outcome.stopped):
        path = services.state_dir / f"report-{outcome.batch_id}.md"
        path.touch(mode=0o600)
    if path is not None:
        _put_report(outcome, path, text)
    if show:
        put(text.rstrip("\n"))


def _put_report(outcome: BatchOutcome, path: Path, text: str) -> None:
    """What the batch came to counts, written or not."""
    try:
        path.write_text(text, encoding="utf-8")
        say(f"report written to {path}")
    except OSError as err:
        again = f"`v2s batch report --batch-id {outcome.batch_id} -o FILE` writes it any time"
        say(f"report NOT written to {path}: {err.strerror}; {again}")


def _require_writable(report: Path | None, events: str | None, *, detach: bool = False) -> None:
    """Raises InputError now for what would be found out at the end of the night."""
    if detach and events == "-":
        raise InputError("--events - has no terminal with --detach", hint="name a file")
    for path in filter(None, (report, Path(events) if events and events != "-" else None)):
        folder = path.absolute().parent
        if not folder.is_dir() or path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
            why = f"there is no folder {folder}" if not folder.is_dir() else "no file can be written there"
            raise InputError(f"{path}: {why}", hint="name another file; nothing was started")


def _say_outcome(services: Services, outcome: BatchOutcome) -> None:
    say(
        f"batch {outcome.batch_id}: {outcome.status.value}, {outcome.complete} of {outcome.total} complete, "
        f"{outcome.failed} failed, {outcome.pending} to go"
    )
    if outcome.stopped is not None:
        approve = " --approve" if outcome.reason else ""
        say(f"stopped ({outcome.stopped.value}): {outcome.reason}".rstrip(": "))
        say_gate(batch_picture(services, outcome.batch_id))
        say(f"go on: v2s batch resume --batch-id {outcome.batch_id}{approve}")
    elif outcome.failed:
        say(f"retry what failed: v2s batch resume --batch-id {outcome.batch_id}")
