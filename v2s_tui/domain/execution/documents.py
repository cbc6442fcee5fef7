"""A batch as documents of tables, and back: what the state file holds.

Tables: `batch` (one header), `plan` (one, without its VMs), `planned` and `jobs` (one for each VM, same id),
`effects` (one for each entry of the ledger). Secrets are in none of them: a plan has none, and no setting of
migration.yaml is stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import STATE_VERSION, BatchHeader, BatchState, numbered
from v2s_tui.domain.execution.events import EffectRecorded, Event, PlanEdited, VmEvent
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.execution.ledger import Effect
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan

Document = dict[str, Any]
Tables = Mapping[str, Mapping[int, Document]]

_TYPES: dict[str, Any] = {
    "batch": BatchHeader,
    "plan": ResolvedPlan,
    "planned": PlannedVm,
    "jobs": JobState,
    "effects": Effect,
}

MIGRATIONS: Mapping[int, Callable[[Tables], Tables]] = {}
"""From a state version to the tables of the next one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One document written (or removed, document None)."""

    table: str
    id: int
    document: Document | None


@cache
def _adapter(table: str) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[table])


def _dump(table: str, thing: object) -> Document:
    document: Document = _adapter(table).dump_python(thing, mode="json")
    return document


def all_changes(state: BatchState) -> tuple[Change, ...]:
    """Every document of the batch: what a new state file begins with."""
    return (
        Change("batch", 1, _dump("batch", state.header)),
        Change("plan", 1, _dump("plan", replace(state.plan, vms=()))),
        *(
            Change("planned", state.numbers[name], _dump("planned", each))
            for name, each in state.planned.items()
        ),
        *(_job_change(state, name) for name in state.jobs),
        *(_effect_change(each) for each in state.effects.values()),
    )


def changes(before: BatchState, after: BatchState, event: Event) -> tuple[Change, ...]:
    """The documents that the event changed; costs what the event touched, not the size of the batch."""
    if isinstance(event, EffectRecorded):
        return (_effect_change(event.effect),)
    if isinstance(event, PlanEdited):
        entry = Change("planned", after.numbers[event.vm], _dump("planned", event.planned))
        return (entry, _job_change(after, event.vm))
    if isinstance(event, VmEvent):
        changed = after.jobs[event.vm] is not before.jobs[event.vm]
        return (*_header_change(before, after), _job_change(after, event.vm)) if changed else ()
    header = _header_change(before, after)
    if after.jobs is before.jobs:
        return header
    moved = [name for name, job in after.jobs.items() if job is not before.jobs[name]]
    return (*header, *(_job_change(after, name) for name in moved))


def _header_change(before: BatchState, after: BatchState) -> tuple[Change, ...]:
    return () if after.header is before.header else (Change("batch", 1, _dump("batch", after.header)),)


def _job_change(state: BatchState, name: str) -> Change:
    return Change("jobs", state.numbers[name], _dump("jobs", state.jobs[name]))


def _effect_change(effect: Effect) -> Change:
    return Change("effects", int(effect.id), _dump("effects", effect))


def batch_from(tables: Tables, *, name: str) -> BatchState:
    """The batch that the tables hold. name: of the file, for messages.

    Raises StateError when it is of another version, incomplete, or not a batch at all.
    """
    try:
        current = _migrated(tables, name)
        header = _adapter("batch").validate_python(current["batch"][1])
        plan = _adapter("plan").validate_python(current["plan"][1])
        planned = [_adapter("planned").validate_python(each) for each in _in_order(current, "planned")]
        jobs = [_adapter("jobs").validate_python(each) for each in _in_order(current, "jobs")]
        effects = [_adapter("effects").validate_python(each) for each in _in_order(current, "effects")]
    except (KeyError, ValidationError) as err:
        raise StateError(
            f"{name} is no complete batch state", hint=f"first problem: {str(err).splitlines()[0]}"
        ) from err
    return BatchState(
        header=header,
        plan=replace(plan, vms=tuple(planned)),
        planned={each.name: each for each in planned},
        jobs={each.vm_name: each for each in jobs},
        effects={each.id: each for each in effects},
        numbers=numbered(each.vm_name for each in jobs),
    )


def header_from(tables: Tables, *, name: str) -> BatchHeader:
    """The header alone, for lists of batches. Raises StateError like `batch_from`."""
    try:
        header: BatchHeader = _adapter("batch").validate_python(_migrated(tables, name)["batch"][1])
    except (KeyError, ValidationError) as err:
        raise StateError(f"{name} is no batch state") from err
    return header


def _in_order(tables: Tables, table: str) -> list[Document]:
    return [document for _, document in sorted(tables.get(table, {}).items())]


def _migrated(tables: Tables, name: str) -> Tables:
    version = tables["batch"][1]["version"]
    while version != STATE_VERSION:
        step = MIGRATIONS.get(version)
        if step is None:
            raise StateError(
                f"{name} has state version {version}, this v2s reads version {STATE_VERSION}",
                hint="use the v2s that wrote it, or start a new batch",
            )
        tables = step(tables)
        version = tables["batch"][1]["version"]
    return tables
