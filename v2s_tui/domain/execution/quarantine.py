"""Circuit breaker: three equal failures in one place keep similar VMs from starting until an operator
decides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.failures import FailureKind
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import JobStatus

EQUAL_FAILURES = 3

_HOST = ("ESXi host", lambda planned: (planned.vm.host,))
_DATASTORE = ("datastore", lambda planned: planned.vm.datastores)
_OS = ("OS family", lambda planned: (planned.vm.os_family.value,))
_Trait = tuple[str, Callable[[PlannedVm], tuple[str, ...]]]

_TRAITS: Mapping[FailureKind, tuple[_Trait, ...]] = {
    FailureKind.SOURCE: (_HOST, _DATASTORE),
    FailureKind.NETWORK: (_HOST, _DATASTORE),
    FailureKind.DISK: (_OS, _DATASTORE),
    FailureKind.GUEST: (_OS,),
    FailureKind.API: (_OS,),
    FailureKind.STORAGE: (_OS,),
    FailureKind.QUOTA: (_OS,),
    FailureKind.SPACE: (_OS,),
    FailureKind.BUG: (_OS,),
}


@dataclass(frozen=True, slots=True)
class Quarantine:
    """VMs that shall not start by themselves, and why."""

    vm_names: tuple[str, ...]
    signature: str
    reason: str


def quarantine_after(state: BatchState, failed_vm: str) -> Quarantine | None:
    """What the failure of this VM puts into quarantine; None when there are too few equal ones."""
    failure = state.jobs[failed_vm].failure
    if failure is None:
        return None
    for trait, value in _places(state, failed_vm, failure.kind):
        equal = [
            name for name in _failed_alike(state, failure.signature) if value in trait[1](state.planned[name])
        ]
        waiting = tuple(name for name in _waiting(state) if value in trait[1](state.planned[name]))
        if len(equal) >= EQUAL_FAILURES and waiting:
            reason = f"{len(equal)} VMs on {trait[0]} {value} failed with {failure.signature}"
            return Quarantine(waiting, failure.signature, reason)
    return None


def _places(state: BatchState, name: str, kind: FailureKind) -> Iterator[tuple[_Trait, str]]:
    for trait in _TRAITS.get(kind, ()):
        for value in trait[1](state.planned[name]):
            if value:
                yield trait, value


def _failed_alike(state: BatchState, signature: str) -> list[str]:
    return [
        name
        for name, job in state.jobs.items()
        if job.status is JobStatus.FAILED and job.failure is not None and job.failure.signature == signature
    ]


def _waiting(state: BatchState) -> list[str]:
    """VMs that were never started or retried by hand: an operator's retry overrules the breaker."""
    return [
        name
        for name, job in state.jobs.items()
        if job.status is JobStatus.PENDING and not job.quarantine and job.runs == 0 and not job.retries
    ]
