"""VMs of a plan or batch that other batches of this work folder have met: under way now, or migrated."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from v2s_tui.adapters.store import reading
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.attach import living_runner
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import read_batch

_MOST_NAMES = 6


def refuse_double_work(services: Services, resolved: ResolvedPlan) -> None:
    """Raises StateError where a runner is at work on one of these VMs: two would hold up each other."""
    for state, live in _batches(services):
        names = _shared(state, resolved.vms, lambda status: not status.terminal) if live else []
        if names:
            raise StateError(
                f"batch {state.header.batch_id} is at work on {_named(names)}",
                hint="wait until it has ended, or take them out of the plan",
            )


def migrated_before(services: Services, resolved: ResolvedPlan) -> list[str]:
    """A line for each batch that has brought some of these VMs over already, the newest first."""
    return _made_twice(resolved.vms, (state for state, _ in _batches(services)))


def migrated_elsewhere(services: Services, batch_id: str, names: Iterable[str]) -> list[str]:
    """The same of VMs that this batch would go on with: another batch took them over since it stopped.

    Raises StateError where the batch cannot be read.
    """
    own = read_batch(services, batch_id)
    others = (state for state, _ in _batches(services) if state.header.batch_id != own.header.batch_id)
    return _made_twice([own.planned[name] for name in names], others)


def _made_twice(planned: Iterable[PlannedVm], batches: Iterable[BatchState]) -> list[str]:
    wanted = tuple(planned)
    return [
        f"ALREADY MIGRATED by batch {state.header.batch_id}, would be made a second time: {_named(names)}"
        for state in batches
        if (names := _shared(state, wanted, lambda status: status is JobStatus.COMPLETE))
    ]


def _batches(services: Services) -> Iterator[tuple[BatchState, bool]]:
    """Every batch that can be read, and whether a runner works on it."""
    for listed in reading.list_batches(services.work_dir):
        if listed.header is not None:
            with contextlib.suppress(StateError):
                yield reading.read_batch(listed.path), living_runner(listed.path) is not None


def _shared(
    state: BatchState, planned: Iterable[PlannedVm], wanted: Callable[[JobStatus], bool]
) -> list[str]:
    """Those of these VMs, in their order, that the batch has in such a status: the same VM under any name."""
    met = {_identity(each) for name, each in state.planned.items() if wanted(state.jobs[name].status)}
    return [each.name for each in planned if _identity(each) in met]


def _identity(planned: PlannedVm) -> tuple[str, str]:
    return planned.vm.moref, planned.vm.instance_uuid


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
