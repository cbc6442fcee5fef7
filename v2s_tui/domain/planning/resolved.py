"""A plan after it met the inventory: which VMs, in which wave, to which type. This is what a batch runs."""

from dataclasses import dataclass, field

from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.source.vm import Vm


@dataclass(frozen=True, slots=True)
class PlannedVm:
    """One VM to migrate, everything decided. Plain data: it can be written to the state and sent elsewhere.

    vm: source facts at planning time. name: unambiguous name (a path where names repeat), unique in the batch.
    target_type: "" when no type fits (pre-flight blocks that). priority: 1 goes first.
    """

    name: str
    vm: Vm
    target_type: str
    zone: str
    wave: str
    priority: int = 5
    tags: tuple[str, ...] = ()
    skip_validation: bool = False
    create_instance: bool = True
    network_mapping: dict[str, str] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedWave:
    """A wave with its VMs in starting order. An empty wave keeps its place and its own policy."""

    name: str
    vm_names: tuple[str, ...]
    pause_after: PausePolicy


@dataclass(frozen=True, slots=True)
class ResolvedPlan:
    """Every VM of the inventory is in exactly one of: planned, excluded, or not mentioned."""

    vms: tuple[PlannedVm, ...]
    waves: tuple[ResolvedWave, ...]
    limits: Limits
    post_migration: PostMigration
    excluded: tuple[tuple[str, str], ...] = ()
    unmatched_selectors: tuple[str, ...] = ()

    def get(self, name: str) -> PlannedVm:
        """The planned VM of this unambiguous name; KeyError when there is none."""
        for planned in self.vms:
            if planned.name == name:
                return planned
        raise KeyError(name)
