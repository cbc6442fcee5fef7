"""Everything that can happen in a batch, one frozen class each, named by `kind`.

The same events feed journal, socket, command line, `--events` JSON lines and tests. Progress is no event: it
is sampled (progress.py). `event_to_json` gives plain JSON data, `event_from_json` reads it back.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from pydantic import TypeAdapter

from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.failures import Failure
from v2s_tui.domain.execution.ledger import Effect
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import Stage


class Decision(StrEnum):
    """What an operator answers at a gate."""

    APPROVE = "approve"
    APPROVE_RETRY_FAILED = "approve_retry_failed"
    HOLD = "hold"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. who: OS user. origin: from where, `app on pts/3`, `batch resume --approve`, `--yes`."""

    who: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Common to all: when."""

    kind: ClassVar[str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VmEvent(Event):
    """Common to all that concern one VM. vm: its unambiguous name in the batch."""

    vm: str


# --- batch --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStarted(Event):
    """A runner took the batch over: at first, or again (`resumed`)."""

    kind: ClassVar[str] = "batch_started"
    actor: Actor
    pid: int
    host: str
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPaused(Event):
    """Nothing new starts until BatchContinued; running stages end."""

    kind: ClassVar[str] = "batch_paused"
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchContinued(Event):
    """The pause is over."""

    kind: ClassVar[str] = "batch_continued"
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChanged(Event):
    """A limit has another value from now on."""

    kind: ClassVar[str] = "limit_changed"
    actor: Actor
    limit: Limit
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPaused(Event):
    """Nothing new takes this limit until LimitContinued."""

    kind: ClassVar[str] = "limit_paused"
    actor: Actor
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitContinued(Event):
    """The limit may be taken again."""

    kind: ClassVar[str] = "limit_continued"
    actor: Actor
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnded(Event):
    """Every wave is through."""

    kind: ClassVar[str] = "batch_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerStopped(Event):
    """The runner left before the end. reason: `SIGTERM`, `abort`, `gate`."""

    kind: ClassVar[str] = "runner_stopped"
    reason: str


# --- waves and gates ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveStarted(Event):
    """index: from 0."""

    kind: ClassVar[str] = "wave_started"
    wave: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveEnded(Event):
    """Every VM of the wave is in a terminal status, and its gate (if any) is passed."""

    kind: ClassVar[str] = "wave_ended"
    wave: str
    index: int
    complete: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReached(Event):
    """The wave is through and an operator must decide. reason: why this gate is closed. window: VMs of it are
    left because its window has closed.
    """

    kind: ClassVar[str] = "gate_reached"
    wave: str
    index: int
    reason: str
    window: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecided(Event):
    """An operator decided, at the gate or (approving) before it was reached."""

    kind: ClassVar[str] = "gate_decided"
    wave: str
    index: int
    decision: Decision
    actor: Actor


# --- one VM -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class VmStarted(VmEvent):
    """The VM got its place in the wave; it restarts where `stage` and `reason` say."""

    kind: ClassVar[str] = "vm_started"
    stage: Stage
    reason: str
    dropped: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted(VmEvent):
    """attempt: 1 is the first of this run."""

    kind: ClassVar[str] = "stage_started"
    stage: Stage
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCheckpoint(VmEvent):
    """Artifacts reached so far; a restart of the stage begins with them."""

    kind: ClassVar[str] = "stage_checkpoint"
    stage: Stage
    artifacts: Artifacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEnded(VmEvent):
    """The stage succeeded. seconds: of this attempt. moved_bytes: over the wire."""

    kind: ClassVar[str] = "stage_ended"
    stage: Stage
    artifacts: Artifacts
    seconds: float
    moved_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRetrying(VmEvent):
    """The stage failed in a way that waiting may mend; it runs again after wait_seconds."""

    kind: ClassVar[str] = "stage_retrying"
    stage: Stage
    attempt: int
    wait_seconds: float
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class VmFailed(VmEvent):
    """The VM stops here. stage: None when it was never started (quarantine)."""

    kind: ClassVar[str] = "vm_failed"
    stage: Stage | None
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class VmCompleted(VmEvent):
    """Every stage is through; the VM never runs again."""

    kind: ClassVar[str] = "vm_completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class VmInterrupted(VmEvent):
    """The runner leaves and the VM goes on later. reason: `SIGTERM`, `abort`."""

    kind: ClassVar[str] = "vm_interrupted"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VmCancelled(VmEvent):
    """An operator stopped this VM; its finished artifacts are kept. problem: what at the source could not be
    put back, "" nothing.
    """

    kind: ClassVar[str] = "vm_cancelled"
    actor: Actor
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmSkipped(VmEvent):
    """An operator left this VM out. problem: as for VmCancelled."""

    kind: ClassVar[str] = "vm_skipped"
    actor: Actor
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmRetried(VmEvent):
    """A failed, cancelled, skipped or quarantined VM goes back to pending.

    from_stage: completed stages from here on are dropped (None: as far as evidence holds).
    """

    kind: ClassVar[str] = "vm_retried"
    actor: Actor
    from_stage: Stage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VmQuarantined(VmEvent):
    """The VM will not start by itself: similar ones failed alike."""

    kind: ClassVar[str] = "vm_quarantined"
    reason: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEdited(VmEvent):
    """The VM's plan entry was changed before a retry."""

    kind: ClassVar[str] = "plan_edited"
    actor: Actor
    planned: PlannedVm


@dataclass(frozen=True, slots=True, kw_only=True)
class VmUndone(VmEvent):
    """Everything the migration of this VM made is removed; a retry begins from nothing."""

    kind: ClassVar[str] = "vm_undone"
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRecorded(VmEvent):
    """An outside effect is intended, made or gone (ledger.py)."""

    kind: ClassVar[str] = "effect_recorded"
    effect: Effect


AnyEvent = (
    BatchStarted | BatchPaused | BatchContinued | LimitChanged | LimitPaused | LimitContinued | BatchEnded
    | RunnerStopped | WaveStarted | WaveEnded | GateReached | GateDecided | VmStarted | StageStarted
    | StageCheckpoint | StageEnded | StageRetrying | VmFailed | VmCompleted | VmInterrupted | VmCancelled
    | VmSkipped | VmRetried | VmQuarantined | VmUndone | PlanEdited | EffectRecorded
)  # fmt: skip

EVENT_CLASSES: dict[str, type[Event]] = {each.kind: each for each in AnyEvent.__args__}


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(EVENT_CLASSES[kind])


def event_to_json(event: Event) -> dict[str, Any]:
    """Plain JSON data with `kind` first; times are ISO 8601 with offset."""
    data: dict[str, Any] = _adapter(event.kind).dump_python(event, mode="json")
    return {"kind": event.kind, **data}


def event_from_json(data: dict[str, Any]) -> Event:
    """The event again; KeyError for an unknown kind, pydantic's ValidationError for wrong fields."""
    fields = {key: value for key, value in data.items() if key != "kind"}
    event: Event = _adapter(data["kind"]).validate_python(fields)
    return event
