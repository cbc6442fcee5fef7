"""Runs one VM through its stages: admission, worker thread, retry, record. Its failure never touches another
VM.
"""

import asyncio
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from v2s_tui.domain.errors import Cancelled, StateError, WorkDiskFull
from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.events import Event
from v2s_tui.domain.execution.failures import Failure, classify
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.execution.restart import RestartPoint
from v2s_tui.domain.execution.retry import policy_of, retries
from v2s_tui.domain.execution.transfer import TransferChoice
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.scheduling import Request, stage_request, start_request
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.dead_leases import end_dead_leases
from v2s_tui.engine.ledger_writer import VmLedger, ledger_of
from v2s_tui.engine.parts import Parts
from v2s_tui.engine.rates import RateMeter
from v2s_tui.engine.resume import restart_point_of
from v2s_tui.engine.stage_run import StageRun
from v2s_tui.engine.stages.transfer import transfer_of

log = logging.getLogger(__name__)
Result = TypeVar("Result")
Ending = Callable[[datetime], Event | None]
"""Makes the event that records why a VM was stopped; None when there is nothing to record."""


class _StageFailed(Exception):
    def __init__(self, stage: Stage, failure: Failure) -> None:
        super().__init__(failure.title)
        self.stage = stage
        self.failure = failure


class VmRunner:
    """One VM while it is in the runner's hands.

    progress, meter: of the running stage, sampled by others. ended: set once nothing of it runs any more.
    """

    def __init__(self, parts: Parts, vm_name: str) -> None:
        self.vm_name = vm_name
        self.progress = StageProgress()
        self.meter = RateMeter()
        self.ended = asyncio.Event()
        self._parts = parts
        self._cancelled = threading.Event()
        self._woken = asyncio.Event()
        self._ending: Ending | None = None
        self._gives_up = False
        self._own_ledger: VmLedger | None = None

    @property
    def job(self) -> JobState:
        """The VM's state now."""
        return self._parts.recorder.state.jobs[self.vm_name]

    def stop(self, ending: Ending, *, giving_up: bool = False) -> None:
        """Stop the VM where it is; `ending` makes the event to record once its thread has really ended
        (None: nothing to record). giving_up: it will not go on by itself. A second call changes nothing.
        """
        if self._ending is None:
            self._ending = ending
            self._gives_up = giving_up
            self._cancelled.set()
            self._woken.set()
            self._parts.leases.withdraw(self.vm_name)

    async def run(self) -> None:
        """The VM's whole time in its wave. Raises only what ends the batch: StateError, or a dying runner."""
        request: Request | None = self._start_request()
        while request is not None and await self._admitted(request):
            held = request
            try:
                request = await self._run_stages(held)
            finally:
                self._parts.leases.give_back(held)

    async def _admitted(self, request: Request) -> bool:
        """Wait for the VM's place; False when it is not to run after all, which is on record then."""
        try:
            self._raise_if_stopped()
            await self._parts.leases.take(request)
        except Cancelled:
            await self._end()
        except WorkDiskFull as err:
            await self._fail(None, classify(err))
        else:
            return True
        return False

    async def _end(self) -> None:
        """It was stopped: put the source back when it is given up, and record why."""
        problem = await self._give_up() if self._gives_up else ""
        await self._record_ending(problem)

    async def _fail(self, stage: Stage | None, failure: Failure) -> None:
        problem = await self._give_up()
        failure = replace(failure, detail=f"{failure.detail}\n{problem}".strip())
        await self._record(events.VmFailed(at=self._now(), vm=self.vm_name, stage=stage, failure=failure))

    def _raise_if_stopped(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled(f"{self.vm_name} was stopped")

    async def _run_stages(self, held: Request) -> Request | None:
        """Run them all. A request instead, with nothing begun, when evidence is gone and the work to be done
        again needs more space than was taken on the word of the record.
        """
        try:
            point = await self._find_restart()
            wider = self._start_request(point.dropped)
            if wider.work_bytes > held.work_bytes:
                return wider
            if point.stage is not None:
                await self._record(
                    events.VmStarted(
                        at=self._now(),
                        vm=self.vm_name,
                        stage=point.stage,
                        reason=point.reason,
                        dropped=point.dropped,
                    )
                )
            while (stage := self.job.next_stage) is not None:
                await self._run_stage(stage)
            await self._record(events.VmCompleted(at=self._now(), vm=self.vm_name))
        except Cancelled:
            await self._end()
        except _StageFailed as err:
            await self._fail(err.stage, err.failure)
            self._parts.failed(self.vm_name)
        return None

    async def _give_up(self) -> str:
        """Put back at the source what only made sense while the migration went on; why it failed, or "".

        It holds no limits and cannot be cancelled: the VM has stopped already. One that never began has
        nothing to put back.
        """
        give_up, stage = self._parts.giving_up, self.job.stage or Stage.VALIDATE
        if give_up is None or not self.job.runs:
            return ""
        nothing = Request(self.vm_name, frozenset(), sequence=self._parts.next_sequence())
        await self._parts.leases.take(nothing, continuing=True)
        run = self._stage_run(stage, nothing, threading.Event())
        try:
            artifacts = await self._parts.workers.run(
                lambda: give_up(self._parts.stage_input(self.vm_name), run)
            )
        except StateError:
            raise
        except Exception as err:
            log.exception("giving up %s", self.vm_name)
            return f"Putting the source back failed: {err}"
        finally:
            run.release()
        if artifacts != self.job.artifacts:
            await self._record(
                events.StageCheckpoint(at=self._now(), vm=self.vm_name, stage=stage, artifacts=artifacts)
            )
        return ""

    def _stage_run(self, stage: Stage, request: Request, cancelled: threading.Event) -> StageRun:
        return StageRun(
            self._parts,
            vm_name=self.vm_name,
            stage=stage,
            request=request,
            ledger=self._ledger(),
            progress=self.progress,
            cancelled=cancelled,
        )

    def _ledger(self) -> VmLedger:
        """One for the VM's whole run: its effects are looked up among all of the batch's only once."""
        if self._own_ledger is None:
            self._own_ledger = ledger_of(self._parts.recorder, self._parts.clock, self.vm_name)
        return self._own_ledger

    async def _find_restart(self) -> RestartPoint:
        """Where to begin, by evidence; looking is tried again like a stage."""

        async def look(_attempt: int) -> RestartPoint:
            return await self._parts.workers.run(self._look)

        return await self._with_retries(self.job.next_stage or Stage.CLEANUP, look)

    def _look(self) -> RestartPoint:
        """In a worker thread. Says, too, when the VM is still locked at the source."""
        parts = self._parts
        locked = end_dead_leases(self._ledger(), parts.ports.source, parts.clock)
        point = restart_point_of(
            self.job, lambda: parts.stage_input(self.vm_name), parts.evidence, parts.ports
        )
        return replace(point, reason=f"{point.reason}; {locked}") if locked else point

    async def _run_stage(self, stage: Stage) -> None:
        async def attempt(number: int) -> None:
            await self._attempt(stage, number)

        await self._with_retries(stage, attempt)

    async def _with_retries(self, stage: Stage, work: Callable[[int], Awaitable[Result]]) -> Result:
        """Do the work; again after a pause while its failure is transient and the stage's policy allows."""
        policy = policy_of(stage, self._parts.settings.policies)
        attempt = 1
        while True:
            self._raise_if_stopped()
            try:
                return await work(attempt)
            except StateError:
                raise
            except Exception as err:
                if isinstance(err, Cancelled) and self._cancelled.is_set():
                    raise
                failure = classify(err, detail=traceback.format_exc(limit=-6))
                if not retries(failure, attempt, policy):
                    raise _StageFailed(stage, failure) from err
            wait_seconds = policy.wait_seconds(attempt, self._parts.settings.jitter())
            await self._record(
                events.StageRetrying(
                    at=self._now(),
                    vm=self.vm_name,
                    stage=stage,
                    attempt=attempt,
                    wait_seconds=wait_seconds,
                    failure=failure,
                )
            )
            again_at = (self._now() + timedelta(seconds=wait_seconds)).astimezone()
            self.progress = StageProgress(waits_for=f"tries again at {again_at:%H:%M:%S}: {failure.title}")
            await self._parts.settings.sleep(wait_seconds, self._woken)
            self.progress = StageProgress()
            attempt += 1

    async def _attempt(self, stage: Stage, attempt: int) -> None:
        transfer = await self._parts.workers.run(self._transfer) if stage is Stage.EXPORT else None
        request = stage_request(
            self.vm_name,
            stage,
            esxi_host=self.job.esxi_host,
            priority=self._planned.priority,
            sequence=self._parts.next_sequence(),
            overlap=transfer is not None and transfer.overlap,
        )
        await self._parts.leases.take(request)
        self.progress, self.meter = StageProgress(), RateMeter()
        run = self._stage_run(stage, request, self._cancelled)
        try:
            await self._record(
                events.StageStarted(at=self._now(), vm=self.vm_name, stage=stage, attempt=attempt)
            )
            began = self._parts.clock.monotonic()
            artifacts = await self._parts.workers.run(lambda: self._call(stage, run, transfer))
            seconds = self._parts.clock.monotonic() - began
        finally:
            run.release()
        await self._record(
            events.StageEnded(
                at=self._now(),
                vm=self.vm_name,
                stage=stage,
                artifacts=artifacts,
                seconds=seconds,
                moved_bytes=self.progress.moved_bytes,
            )
        )

    def _transfer(self) -> TransferChoice:
        """How the export will move the disks; in a worker thread, as measured speeds are read from a file."""
        return transfer_of(self._parts.stage_input(self.vm_name))

    def _call(self, stage: Stage, run: StageRun, transfer: TransferChoice | None) -> Artifacts:
        """In the worker thread."""
        stage_input = replace(self._parts.stage_input(self.vm_name), transfer=transfer)
        return self._parts.stages[stage](stage_input, run)

    def _start_request(self, dropped: Collection[Stage] = ()) -> Request:
        """The VM's place in the wave, its groups, and its work space for as long as it runs. dropped:
        completed stages that must run again.
        """
        groups = self._parts.recorder.state.plan.not_together
        return start_request(
            self.vm_name,
            priority=self._planned.priority,
            sequence=self._parts.next_sequence(),
            work_bytes=self._parts.work_bytes_left(self.vm_name, dropped),
            groups=[index for index, names in enumerate(groups) if self.vm_name in names],
        )

    @property
    def _planned(self) -> PlannedVm:
        return self._parts.recorder.state.planned[self.vm_name]

    async def _record(self, event: Event) -> None:
        await asyncio.wrap_future(self._parts.recorder.record(event))

    async def _record_ending(self, problem: str) -> None:
        """Why it stopped; a VM that was withdrawn just as it started is pending again."""
        event = self._ending(self._now()) if self._ending else None
        if isinstance(event, events.VmCancelled | events.VmSkipped):
            event = replace(event, problem=problem)
        if event is None and self.job.active:
            event = events.VmInterrupted(at=self._now(), vm=self.vm_name, reason="withdrawn as it started")
        if event is not None:
            await self._record(event)

    def _now(self) -> datetime:
        return self._parts.clock.now()
