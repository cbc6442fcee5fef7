"""One run of a plan on paper: every VM, stage by stage, under the engine's own rules of admission.

Gates count as passed at once. What a stage shares with others (a host's and the network's bandwidth) is fixed
when it begins, which is close enough where stages of similar length overlap.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from v2s_tui.domain.execution.job import stages_of
from v2s_tui.domain.execution.transfer import TransferChoice, first_choice
from v2s_tui.domain.execution.work_space import peak_work_bytes, work_bytes_then
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.rates import COMPRESSED_SHARE, Duration, data_bytes
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan, ResolvedWave
from v2s_tui.domain.planning.scheduling import WORK_SPACE, Admission, Request, stage_request, start_request
from v2s_tui.domain.planning.stages import Stage

DurationOf = Callable[[PlannedVm, Stage, int], Duration]
StagesOf = Callable[[PlannedVm], Sequence[Stage]]
TransferOf = Callable[[PlannedVm], TransferChoice]


@dataclass(frozen=True, slots=True)
class Segment:
    """One stage of one VM, in seconds since the start. waited_for: key that kept it waiting, "" if none."""

    vm: str
    stage: Stage
    asked: float
    began: float
    ended: float
    waited_for: str = ""


@dataclass(slots=True)
class Timeline:
    """What happened when.

    waves: (name, began, ended). busy: key -> seconds held, all
    holders together. most_holders: key -> most at one time. disk: (second, reserved bytes) at each change.
    unfit: VMs whose work space can never be had.
    """

    segments: list[Segment] = field(default_factory=list)
    waves: list[tuple[str, float, float]] = field(default_factory=list)
    busy: dict[str, float] = field(default_factory=dict)
    most_holders: dict[str, int] = field(default_factory=dict)
    disk: list[tuple[float, int]] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    end: float = 0.0

    @property
    def peak_work_bytes(self) -> int:
        """Most work space reserved at one time."""
        return max((reserved for _, reserved in self.disk), default=0)


@dataclass(slots=True, eq=False)
class _Run:
    """One VM on its way. at: index of its current stage, -1 before its start."""

    planned: PlannedVm
    stages: Sequence[Stage]
    start: Request
    at: int = -1
    waiting: Request | None = None
    held: Request | None = None
    asked: float = 0.0
    began: float = 0.0
    waited_for: str = ""


Step = Callable[[_Run], None]


class Simulation:
    """Runs a resolved plan once.

    stages_of: as the engine runs them. duration_of(planned, stage, how many run it now, itself included).
    work_disk_bytes: free at the start, None means plenty. transfer_of: how a VM's disks are moved.
    """

    def __init__(
        self,
        plan: ResolvedPlan,
        duration_of: DurationOf,
        *,
        stages_of: StagesOf = stages_of,
        limits: Limits | None = None,
        work_disk_bytes: int | None = None,
        transfer_of: TransferOf = first_choice,
    ) -> None:
        self._plan = plan
        self._transfer_of = transfer_of
        self._duration_of = duration_of
        self._stages_of = stages_of
        self._admission = Admission(limits or plan.limits)
        self._work_disk_bytes = work_disk_bytes
        self._planned = {each.name: each for each in plan.vms}
        self._runs: dict[str, _Run] = {}
        self._events: list[tuple[float, int, Step, _Run]] = []
        self._running: dict[tuple[Stage, str], int] = {}
        self._now = 0.0
        self._sequence = 0
        self.timeline = Timeline()

    def run(self) -> Timeline:
        """All waves, one after the other."""
        for wave in self._plan.waves:
            self._wave(wave)
        self.timeline.end = self._now
        return self.timeline

    def _wave(self, wave: ResolvedWave) -> None:
        began = self._now
        for name in wave.vm_names:
            self._enter(self._planned[name])
        self._admit()
        while self._events:
            self._now, _, step, run = heapq.heappop(self._events)
            step(run)
            self._admit()
            if not self._events:
                self._leave_out_what_never_fits()
        self._leave_out_what_never_fits()
        self.timeline.waves.append((wave.name, began, self._now))

    def _enter(self, planned: PlannedVm) -> None:
        groups = [index for index, names in enumerate(self._plan.not_together) if planned.name in names]
        start = start_request(
            planned.name,
            priority=planned.priority,
            sequence=self._next(),
            work_bytes=peak_work_bytes(planned, passing=self._transfer_of(planned).passing),
            groups=groups,
        )
        run = _Run(planned, self._stages_of(planned), start)
        self._runs[planned.name] = run
        self._ask(run, start)

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _ask(self, run: _Run, request: Request) -> None:
        run.waiting, run.asked, run.waited_for = request, self._now, ""
        self._admission.ask(request)

    def _admit(self) -> None:
        for request in self._admission.admit(free_bytes=self._free_bytes()):
            self._granted(self._runs[request.vm], request)

    def _free_bytes(self) -> int | None:
        if self._work_disk_bytes is None:
            return None
        return self._work_disk_bytes - self._admission.reserved_bytes

    def _leave_out_what_never_fits(self) -> None:
        """Nothing runs, so nothing will be freed: who heads the line waits for ever."""
        while not self._events and (stuck := next(iter(self._admission.waiting()), None)):
            self._admission.withdraw(stuck)
            self.timeline.unfit.append(stuck.vm)
            self._admit()

    def _granted(self, run: _Run, request: Request) -> None:
        run.waiting, run.held, run.began = None, request, self._now
        self._note_holders(request)
        if run.at < 0:
            self._note_disk()
            self._next_stage(run)
            return
        stage = run.stages[run.at]
        key = _sharing_key(run.planned, stage)
        sharing = self._running[key] = self._running.get(key, 0) + 1
        duration = self._duration_of(run.planned, stage, sharing)
        self._at(self._now + duration.held_seconds, lambda each: self._let_go(each, duration), run)

    def _let_go(self, run: _Run, duration: Duration) -> None:
        if run.held is not None:
            self._note_busy(run.held, self._now - run.began)
            self._admission.release(run.held)
            run.held = None
        self._running[_sharing_key(run.planned, run.stages[run.at])] -= 1
        if duration.polling_seconds > 0:
            self._at(self._now + duration.polling_seconds, self._end_stage, run)
        else:
            self._end_stage(run)

    def _end_stage(self, run: _Run) -> None:
        stage = run.stages[run.at]
        self.timeline.segments.append(
            Segment(run.planned.name, stage, run.asked, run.began, self._now, run.waited_for)
        )
        if stage in {Stage.EXPORT, Stage.UPLOAD_S3}:
            self._admission.need_less(run.planned.name, _work_bytes_after(run, stage))
            self._note_disk()
        self._next_stage(run)

    def _next_stage(self, run: _Run) -> None:
        run.at += 1
        if run.at >= len(run.stages):
            self._end_vm(run)
            return
        planned = run.planned
        request = stage_request(
            planned.name,
            run.stages[run.at],
            esxi_host=planned.vm.host,
            priority=planned.priority,
            sequence=self._next(),
            overlap=self._transfer_of(planned).overlap,
        )
        self._ask(run, request)
        self._admit()
        if run.waiting is request:
            blocks = self._admission.blockers(request)
            run.waited_for = blocks[0].limit if blocks else ""

    def _end_vm(self, run: _Run) -> None:
        self._admission.release(run.start)
        self._note_disk()

    def _at(self, when: float, step: Step, run: _Run) -> None:
        heapq.heappush(self._events, (when, self._next(), step, run))

    def _note_holders(self, request: Request) -> None:
        most = self.timeline.most_holders
        for name in request.needs:
            most[name] = max(most.get(name, 0), len(self._admission.holders(name)))

    def _note_busy(self, request: Request, seconds: float) -> None:
        for name in request.needs:
            self.timeline.busy[name] = self.timeline.busy.get(name, 0.0) + seconds

    def _note_disk(self) -> None:
        self.timeline.disk.append((self._now, self._admission.reserved_bytes))


def _work_bytes_after(run: _Run, stage: Stage) -> int:
    """What is there and what may still come, by the runner's own rule; images are compressed."""
    images = int(data_bytes(run.planned) * COMPRESSED_SHARE)
    most = work_bytes_then(run.planned, {stage}, peak_bytes=run.start.work_bytes, base_bytes=images)
    return images if most is None else most


def _sharing_key(planned: PlannedVm, stage: Stage) -> tuple[Stage, str]:
    """Exports share their host's bandwidth, all else the conversion host's."""
    return stage, planned.vm.host if stage is Stage.EXPORT else ""


def waits(timeline: Timeline) -> dict[str, float]:
    """Seconds waited by key, the longest first; starts are left out, somebody always waits to start."""
    found: dict[str, float] = {}
    for segment in timeline.segments:
        if segment.waited_for and segment.waited_for != WORK_SPACE:
            found[segment.waited_for] = found.get(segment.waited_for, 0.0) + segment.began - segment.asked
    return dict(sorted(found.items(), key=lambda each: -each[1]))
