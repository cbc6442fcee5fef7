"""Runs a batch: waves in order, gates between them, each VM by a VmRunner, commands at any time.

asyncio outside, blocking stages in worker threads. `run` returns when every wave is through, when a gate
needs an operator who is not there, or when it was told to stop; no stage of ours runs any more then.
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime

from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.batch import BatchState, WaveStatus, gate_reason
from v2s_tui.domain.execution.events import Decision, Event
from v2s_tui.domain.execution.quarantine import quarantine_after
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.domain.ports import Clock
from v2s_tui.engine.commanding import Commanding
from v2s_tui.engine.commands import Command
from v2s_tui.engine.gates import GateKeeper, GatePassage
from v2s_tui.engine.leases import Leases
from v2s_tui.engine.outcome import BatchOutcome, Stop, Stopped, outcome_of
from v2s_tui.engine.parts import Parts
from v2s_tui.engine.recorder import Listener, Recorder
from v2s_tui.engine.sampler import Sampler
from v2s_tui.engine.settings import RunnerSettings
from v2s_tui.engine.stage_contract import EvidenceFunction, Ports, StageFunction
from v2s_tui.engine.state_store import StateStore
from v2s_tui.engine.vm_runner import VmRunner
from v2s_tui.engine.window_keeper import WindowKeeper
from v2s_tui.engine.work_disk import WorkDisk
from v2s_tui.engine.workers import Workers

log = logging.getLogger(__name__)


class BatchRunner:
    """The only thing that changes a batch while it runs. One `run` for each object.

    on_picture: called with a new picture about ten times a second, on the event loop. leaving: no VM is
    started any more.
    """

    def __init__(
        self,
        store: StateStore,
        *,
        ports: Ports,
        stages: Mapping[Stage, StageFunction],
        evidence: Mapping[Stage, EvidenceFunction],
        settings: RunnerSettings,
        clock: Clock,
        giving_up: StageFunction | None = None,
        listeners: Iterable[Listener] = (),
        on_picture: Callable[[BatchSnapshot], None] | None = None,
    ) -> None:
        """Loads the batch from the store; raises StateError when it holds none."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self.on_picture = on_picture
        self.recorder = Recorder(store, listeners)
        self.leases = Leases(self.state.header.limits, now=clock.now, free_bytes=self._unpromised_bytes)
        self._workers = Workers(self.state.header.limits.global_)
        self._parts = Parts(
            self.recorder,
            self.leases,
            self._workers,
            ports,
            stages,
            evidence,
            settings,
            clock,
            giving_up,
            self._quarantine_like,
        )
        self._disk = WorkDisk(
            settings.work_dir,
            free_bytes=ports.disks.free_bytes,
            left_bytes=self._parts.work_bytes_left,
            promised=self.leases.space,
            time=time.monotonic,
        )
        self._sampler = Sampler(clock, self.leases)
        self.runners: dict[str, VmRunner] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.gates = GateKeeper(settings)
        self._passage = GatePassage(self, settings)
        self._commanding = Commanding(self)
        self.windows = WindowKeeper(self)
        self._changed = asyncio.Event()
        self.leaving = False
        self._stop: Stop | None = None
        self._fatal: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lag_seconds = 0.0

    # --- from outside

    @property
    def state(self) -> BatchState:
        """The batch now."""
        return self.recorder.state

    def picture(self) -> BatchSnapshot:
        """The batch as screens show it (event loop only)."""
        picture = self._sampler.picture(self.state, self.runners)
        return replace(
            picture,
            runner_pid=os.getpid(),
            lag_seconds=self._lag_seconds,
            work_free_bytes=self._disk.free,
        )

    async def command(self, command: Command) -> str:
        """Carry out an operator's command (event loop only); returns what was done, as a sentence.

        Raises InputError when it makes no sense now.
        """
        return await self._commanding.carry_out(command)

    def submit(self, command: Command) -> "Future[str]":
        """The same from any thread, while `run` runs."""
        if self._loop is None:
            raise RuntimeError("the batch does not run yet")
        return asyncio.run_coroutine_threadsafe(self.command(command), self._loop)

    def stop(self, stop: Stop) -> None:
        """Start nothing more, interrupt what runs, leave (event loop only). A second call changes nothing."""
        if self._stop is None:
            self._stop = stop
            self._changed.set()
            self.gates.wake()

    async def run(self) -> BatchOutcome:
        """Run until the end, a gate or a stop.

        Raises StateError when the state cannot be written any more: everything was stopped then.
        """
        self._loop = asyncio.get_running_loop()
        self._settings.work_dir.mkdir(parents=True, exist_ok=True)
        ticking = asyncio.create_task(self._tick())
        try:
            stopped = await self._run_waves_or_stop()
            if self._fatal is not None:
                raise self._fatal
            return outcome_of(self.state, stopped, self._store.path)
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            self._workers.close()
            if self.on_picture is not None:
                self.on_picture(self.picture())

    async def _run_waves_or_stop(self) -> Stop | None:
        stopped: Stop | None = None
        try:
            await self._begin()
            for index in range(len(self.state.header.waves)):
                await self._run_wave(index)
            await self._drain()  # a retry may have come while the end of the last wave was put on record
            self.leaving = True
            await self.record(events.BatchEnded(at=self.now()))
        except Stopped as err:
            stopped = err.stop
        except BaseException as err:  # noqa: BLE001 - raised again by run, after every thread has ended
            self._die(err)
        await self._stop_vms(stopped.value if stopped else "failure")
        if stopped is not None and self._fatal is None:
            await self.record(events.RunnerStopped(at=self.now(), reason=stopped.value))
        return stopped

    async def _begin(self) -> None:
        resumed = bool(self.state.header.runners)
        actor = self._settings.actor
        await self.record(
            events.BatchStarted(
                at=self.now(), actor=actor, pid=os.getpid(), host=socket.gethostname(), resumed=resumed
            )
        )
        self.leases.pause_limits(frozenset(self.state.header.paused_limits))
        gate = self.state.header.gate
        if self._settings.approve and gate is not None:
            await self._passage.decided(gate.index, Decision.APPROVE, actor)
        if self._settings.retry_failed:
            for name, job in self.state.jobs.items():
                if job.status is JobStatus.FAILED or job.quarantine:
                    await self.record(events.VmRetried(at=self.now(), vm=name, actor=actor))

    async def _run_wave(self, index: int) -> None:
        wave = self.state.header.waves[index]
        names = self.startable(index)
        if wave.status is WaveStatus.ENDED and not names:
            return
        if names or self.state.header.gate is None:
            await self.record(events.WaveStarted(at=self.now(), wave=wave.name, index=index))
        self.start_wave_vms(index)
        await self._drain()
        while reason := self.closed_by(index):
            await self._passage.stand(index, reason, window=bool(self.windows.shut(index)))
            await self._drain()
        await self._end_wave(index)

    def closed_by(self, index: int) -> str:
        """Why the wave may not end by itself: its window with VMs left, else its gate; "" it may."""
        return self.windows.shut(index) or gate_reason(self.state, index)

    async def _end_wave(self, index: int) -> None:
        wave = self.state.header.waves[index]
        statuses = [job.status for job in self.state.jobs_of_wave(index)]
        await self.record(
            events.WaveEnded(
                at=self.now(),
                wave=wave.name,
                index=index,
                complete=statuses.count(JobStatus.COMPLETE),
                failed=statuses.count(JobStatus.FAILED) + statuses.count(JobStatus.CANCELLED),
            )
        )

    # --- VMs

    def startable(self, index: int) -> list[str]:
        """VMs of the wave that wait to be started, in order."""
        return [
            job.vm_name
            for job in self.state.jobs_of_wave(index)
            if job.status is JobStatus.PENDING and not job.quarantine and job.vm_name not in self.runners
        ]

    def start_wave_vms(self, index: int) -> None:
        """Start every VM of the wave (or retried one of a wave before) that waits, as its window allows."""
        self.windows.look(index)
        for name in (each for earlier in range(index + 1) for each in self.startable(earlier)):
            self.start(name)

    def start(self, name: str) -> None:
        """Hand a VM to a runner of its own, unless it has one; it waits there for its place."""
        if name in self.runners:
            return
        runner = VmRunner(self._parts, name)
        self.runners[name] = runner
        task = asyncio.create_task(runner.run(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._vm_ended)

    def _vm_ended(self, task: "asyncio.Task[None]") -> None:
        name = task.get_name()
        self._tasks.discard(task)
        self.runners.pop(name).ended.set()
        if not task.cancelled() and (err := task.exception()) is not None:
            self._die(err)
        self._changed.set()

    def _quarantine_like(self, failed: str) -> None:
        """Similar VMs that have not started do not, once enough have failed alike."""
        found = quarantine_after(self.state, failed)
        if found is None:
            return
        for name in found.vm_names:
            self.recorder.record(
                events.VmQuarantined(at=self.now(), vm=name, reason=found.reason, signature=found.signature)
            )
            if name in self.runners:
                self.runners[name].stop(lambda _: None)

    async def _drain(self) -> None:
        """Wait until no VM is in the hands of a runner."""
        while self.runners:
            self.raise_if_stopped()
            self._changed.clear()
            await self._changed.wait()
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise Stopped, or what the batch died of."""
        if self._fatal is not None:
            raise self._fatal
        if self._stop is not None:
            raise Stopped(self._stop)

    async def _stop_vms(self, reason: str) -> None:
        """Interrupt every VM and wait until its thread has ended."""
        self.leaving = True
        for name, runner in self.runners.items():
            runner.stop(self._interruption(name, reason))
        while self.runners:
            self._changed.clear()
            await self._changed.wait()

    def _interruption(self, name: str, reason: str) -> Callable[[datetime], Event | None]:
        def ending(at: datetime) -> Event | None:
            active = self.state.jobs[name].active and self._fatal is None
            return events.VmInterrupted(at=at, vm=name, reason=reason) if active else None

        return ending

    def _die(self, err: BaseException) -> None:
        """The batch cannot go on; the first reason counts."""
        if self._fatal is None:
            self._fatal = err
            self._changed.set()
            self.gates.wake()

    async def _tick(self) -> None:
        """Sample progress, look at windows and work space, show the picture."""
        every, loop = self._settings.sample_seconds, asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(every)
            self._lag_seconds = max(0.0, loop.time() - before - every)
            try:
                self._look_around()
            except Exception:
                log.exception("a look at the running batch failed; the batch goes on")

    def _look_around(self) -> None:
        self.windows.look(self.state.header.current_wave)
        self._disk.look()
        self._sampler.measure(self.runners.values())
        self.leases.pump()
        if self.on_picture is not None:
            self.on_picture(self.picture())

    async def record(self, event: Event) -> None:
        """Record an event; returns once it is on disk."""
        await asyncio.wrap_future(self.recorder.record(event))

    def now(self) -> datetime:
        """The clock's time."""
        return self._clock.now()

    def limits_changed(self) -> None:
        """Use the limits that the state now says."""
        header = self.state.header
        self._workers.grow_to(header.limits.global_)
        self.leases.set_limits(header.limits)
        self.leases.pause_limits(frozenset(header.paused_limits))
        self.windows.look(header.current_wave)

    def _unpromised_bytes(self) -> int | None:
        return self._disk.unpromised_bytes()
