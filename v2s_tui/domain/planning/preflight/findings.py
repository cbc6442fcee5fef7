"""One finding: how grave, on which VM, why, and what to do about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from v2s_tui.domain.execution.work_space import peak_work_bytes
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.target.private_networks import PrivateNetwork, Vpc


class Severity(StrEnum):
    """BLOCKS forbids the start until it is fixed or accepted; WARNS may go wrong; NOTES is worth knowing."""

    BLOCKS = "blocks"
    WARNS = "warns"
    NOTES = "notes"


@dataclass(frozen=True, slots=True)
class Finding:
    """code: stable name, for `accept` in a plan. vm: unambiguous name, "" when it concerns the whole batch.

    accepted: why the operator accepts it ("" not accepted). overridable: False where accepting could not
    help.
    """

    code: str
    severity: Severity
    title: str
    why: str
    fix: str
    vm: str = ""
    wave: str = ""
    accepted: str = ""
    overridable: bool = True

    @property
    def blocking(self) -> bool:
        """True when the start is forbidden because of it."""
        return self.severity is Severity.BLOCKS and not self.accepted


@dataclass(frozen=True, slots=True)
class PreflightFacts:
    """What was found out around the plan; None means it was not asked, and says so in a note.

    s3_region: of the transit bucket. quotas: name -> limit (-1 unlimited). usage: zone -> what exists there.
    missing_privileges: VM moref -> privileges in vCenter. access_problems: of the Scaleway key. virtio_win:
    drivers for Windows are configured. rehearsal_missing: what a local boot lacks, "" nothing. networks,
    vpcs: by region. work_bytes: peak of a VM on the work disk. virt_v2v_missing: why virt-v2v cannot run
    here, windows_v2v_missing: why it cannot convert Windows, "" when it can.
    """

    now: datetime
    s3_region: str = ""
    quotas: Mapping[str, int] | None = None
    usage: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    work_free_bytes: int | None = None
    missing_privileges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    access_problems: tuple[str, ...] = ()
    virtio_win: bool | None = None
    rehearsal_missing: str | None = None
    virt_v2v_missing: str | None = None
    windows_v2v_missing: str | None = None
    networks: Mapping[str, tuple[PrivateNetwork, ...]] | None = None
    vpcs: Mapping[str, tuple[Vpc, ...]] = field(default_factory=dict)
    work_bytes: Callable[[PlannedVm], int] = peak_work_bytes


def blocks(code: str, title: str, why: str, fix: str, *, overridable: bool = True) -> Finding:
    """A finding that forbids the start."""
    return Finding(code, Severity.BLOCKS, title, why, fix, overridable=overridable)


def warns(code: str, title: str, why: str, fix: str) -> Finding:
    """A finding that may go wrong."""
    return Finding(code, Severity.WARNS, title, why, fix)


def notes(code: str, title: str, why: str, fix: str = "") -> Finding:
    """A finding worth knowing."""
    return Finding(code, Severity.NOTES, title, why, fix)
