"""A batch as documents of tables, and back: what the state file holds.

Tables: `batch` (one header), `plan` (one, without its VMs), `planned` and `jobs` (one for each VM, same id),
`effects` (one for each entry of the ledger). Secrets are in none of them: a plan has none, and no setting of
migration.yaml is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import STATE_VERSION, BatchHeader, BatchState
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
    empty = replace(state, planned={}, jobs={}, effects={})
    plan = Change("plan", 1, _dump("plan", replace(state.plan, vms=())))
    header = Change("batch", 1, _dump("batch", state.header))
    return (header, plan, *_vm_changes(empty, state), *_effect_changes(empty, state))


def changes(before: BatchState, after: BatchState, names: Sequence[str] | None = None) -> tuple[Change, ...]:
    """The documents in which two states differ, found by identity.

    names: the VMs that may differ (None: look at all of them).
    """
    header = () if after.header is before.header else (Change("batch", 1, _dump("batch", after.header)),)
    return (*header, *_vm_changes(before, after, names), *_effect_changes(before, after))


def _vm_changes(
    before: BatchState, after: BatchState, names: Sequence[str] | None = None
) -> tuple[Change, ...]:
    found: list[Change] = []
    for table, old, new in (
        ("planned", before.planned, after.planned),
        ("jobs", before.jobs, after.jobs),
    ):
        if new is old:
            continue
        touched = new if names is None else names
        ids = _ids(after)
        found += [
            Change(table, ids[name], _dump(table, new[name]))
            for name in touched
            if new[name] is not old.get(name)
        ]
    return tuple(found)


def _ids(state: BatchState) -> Mapping[str, int]:
    return {name: index + 1 for index, name in enumerate(state.jobs)}


def _effect_changes(before: BatchState, after: BatchState) -> tuple[Change, ...]:
    if after.effects is before.effects:
        return ()
    return tuple(
        Change("effects", int(key), _dump("effects", effect))
        for key, effect in after.effects.items()
        if effect is not before.effects.get(key)
    )


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
