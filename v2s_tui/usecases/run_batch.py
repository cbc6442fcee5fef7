"""Start a batch of a plan, or go on with one; the same for the foreground, the background and resume."""

import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.errors import InputError, StateError
from v2s_tui.domain.execution.batch import BatchState, GateState, new_batch
from v2s_tui.domain.execution.events import Actor, Decision
from v2s_tui.domain.execution.retry import policies_with
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.domain.report import forecast_figures
from v2s_tui.engine.attach import living_runner, terminal_name, user_name
from v2s_tui.engine.commands import planned_to_json
from v2s_tui.engine.outcome import BatchOutcome, outcome_of
from v2s_tui.engine.recorder import Listener
from v2s_tui.engine.resume import VmRestart, restart_points
from v2s_tui.engine.runner import RunRequest, run_in_foreground
from v2s_tui.engine.settings import GateMode, RunnerSettings
from v2s_tui.engine.stage_contract import Ports, StageSettings
from v2s_tui.engine.stages.registry import EVIDENCE, GIVING_UP, STAGES
from v2s_tui.usecases.check_host import rehearsal_missing
from v2s_tui.usecases.earlier_batches import refuse_double_work
from v2s_tui.usecases.look_ahead import Outlook
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import batch_path, read_batch
from v2s_tui.usecases.transfers import work_bytes_of


@dataclass(frozen=True)
class RunOptions:
    """How a runner behaves. origin: for the record of approvals, `--run`, `batch resume`.

    listeners: hear every event once it is on disk. on_picture: ten times a second. ask_gate, ask_interrupt:
    questions for a person at a terminal, None where there is nobody.
    """

    origin: str
    gate_mode: GateMode = GateMode.STOP
    retry_failed: bool = False
    approve: bool = False
    listeners: Iterable[Listener] = field(default=())
    on_picture: Callable[[BatchSnapshot], None] | None = None
    ask_gate: Callable[[GateState], Decision | None] | None = None
    ask_interrupt: Callable[[], str] | None = None


def create_batch(services: Services, outlook: Outlook, *, plan_path: Path) -> str:
    """Write the state of a new batch, nothing runs yet; returns its id.

    Raises StateError, also where a runner is at work on one of its VMs already.
    """
    refuse_double_work(services, outlook.resolved)
    batch_id = secrets.token_hex(4)
    state = new_batch(
        batch_id=batch_id,
        plan=outlook.resolved if not rehearsal_missing() else unrehearsed(outlook.resolved),
        plan_path=_readable(plan_path),
        config_path=_readable(services.settings.source or ""),
        created_at=services.clock.now(),
        new_migration_id=lambda: secrets.token_hex(5),
        forecast=forecast_figures(outlook.forecast.p50_seconds, outlook.forecast.timeline.segments),
        overridden=tuple(
            f"{each.vm or 'batch'}: {each.code} ({each.accepted})"
            for each in outlook.findings
            if each.accepted
        ),
    )
    BatchStateFile.create(services.work_dir, state).close()
    return batch_id


def _readable(path: Path | str) -> str:
    """For the record, which is UTF-8; a path need not be."""
    return os.fsencode(path).decode("utf-8", "replace")


def entry_as_planned(outlook: Outlook, vm_name: str) -> dict[str, Any]:
    """The VM's entry of an edited plan as `retry` takes it. Raises InputError when the plan lacks the VM."""
    plan = outlook.resolved if not rehearsal_missing() else unrehearsed(outlook.resolved)
    found = next((each for each in plan.vms if each.name == vm_name), None)
    if found is None:
        raise InputError(f"the plan has no VM {vm_name!r}", hint="a retry takes the entry of the same VM")
    return planned_to_json(found)


def unrehearsed(plan: ResolvedPlan) -> ResolvedPlan:
    """The plan on a host that cannot boot guests: what v2s would rehearse of itself is off (pre-flight says
    so); what the plan itself asks for stays, pre-flight forbids the start of it.
    """
    vms = tuple(
        replace(each, rehearse="off") if each.rehearses and not each.rehearse else each for each in plan.vms
    )
    return replace(plan, vms=vms)


def run_batch(services: Services, batch_id: str, options: RunOptions) -> BatchOutcome:
    """Run the batch in this process until it ends or stops; one that has nothing left to do stays as it is.

    Raises StateError when another runner has it.
    """
    store = BatchStateFile.open(batch_path(services, batch_id))
    try:
        state = store.load()
        if _is_through(state):
            return outcome_of(state, None, store.path)
        return run_in_foreground(
            RunRequest(
                store=store,
                ports=ports_of(services),
                stages=STAGES,
                evidence=EVIDENCE,
                giving_up=GIVING_UP,
                settings=runner_settings(services, options, batch_id),
                clock=services.clock,
                listeners=options.listeners,
                on_picture=options.on_picture,
                ask_interrupt=options.ask_interrupt,
            )
        )
    finally:
        store.close()


def _is_through(state: BatchState) -> bool:
    ended = state.header.completed_at is not None and state.header.gate is None
    statuses = [job.status for job in state.jobs.values()]
    return ended and all(each.terminal and each is not JobStatus.FAILED for each in statuses)


def restart_lines(services: Services, batch_id: str) -> tuple[VmRestart, ...]:
    """Where every unfinished VM would go on, from record and evidence; asked before anything runs.

    Raises StateError where a runner is at work on the batch: what it does meanwhile is no evidence.
    """
    owner = living_runner(batch_path(services, batch_id))
    if owner is not None:
        raise StateError(
            f"batch {batch_id} runs already, in process {owner.pid} on {owner.host}",
            hint=f"`v2s batch attach --batch-id {batch_id}` watches it and gives it commands",
        )
    state = read_batch(services, batch_id)
    settings = _as_planned(stage_settings(services), state.plan)
    return restart_points(
        state,
        ports=ports_of(services),
        evidence=EVIDENCE,
        settings=settings,
        work_dir=services.work_dir,
    )


def ports_of(services: Services) -> Ports:
    """The doors for stages, opened now: a wrong password is found before the first stage."""
    return Ports(
        source=services.source(),
        disks=services.disks(),
        objects=services.objects(),
        cloud=services.cloud(),
        clock=services.clock,
        guests=services.guests(),
        prober=services.prober() if services.prober else None,
    )


def stage_settings(services: Services) -> StageSettings:
    """What stages need of migration.yaml; what happens after the migration is the batch's own."""
    scaleway = services.settings.scaleway
    return StageSettings(
        bucket=scaleway.s3_bucket,
        region=scaleway.s3_region,
        project_id=scaleway.project_id,
        post_migration=PostMigration(),
        make_image=scaleway.image,
        keep_local=not services.settings.conversion.cleanup_on_success,
        storage_name=scaleway.storage_name,
        strategy=services.settings.migration.export_strategy,
    )


def _as_planned(settings: StageSettings, plan: ResolvedPlan) -> StageSettings:
    return replace(settings, post_migration=plan.post_migration, private_networks=plan.private_networks)


def runner_settings(services: Services, options: RunOptions, batch_id: str) -> RunnerSettings:
    """Settings of one runner; what the plan decides for all VMs as the batch began with it."""
    state = read_batch(services, batch_id)
    retries = services.settings.migration
    return RunnerSettings(
        work_dir=services.work_dir,
        stage=_as_planned(stage_settings(services), state.plan),
        actor=Actor(user_name(), f"{options.origin} on {terminal_name()}"),
        gate_mode=options.gate_mode,
        ask_gate=options.ask_gate,
        retry_failed=options.retry_failed,
        approve=options.approve,
        work_bytes=work_bytes_of(services),
        policies=policies_with(retry_count=retries.retry_count, delay_seconds=retries.retry_delay_seconds),
    )
