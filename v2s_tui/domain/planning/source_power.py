"""Whose power at the source a wave touches: what an operator must see before it starts."""

from collections.abc import Iterable
from dataclasses import dataclass

from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.units import counted

POWER_PRIVILEGES = frozenset({"VirtualMachine.Interact.PowerOff", "VirtualMachine.Interact.PowerOn"})
"""Of the vCenter account: needed for VMs whose power is touched, and for no others."""


@dataclass(frozen=True, slots=True)
class TouchedPower:
    """Names of VMs of one wave, in starting order. before_copy: shut down first (`consistency: cold`);
    when_complete: shut down once their Instance is there (`power_off_source`), none of them in before_copy.

    hard: those of both whose plug is pulled when the guest does not go down (`hard_power_off`).
    """

    wave: str
    before_copy: tuple[str, ...] = ()
    when_complete: tuple[str, ...] = ()
    hard: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them; empty when no source's power is touched."""
        return self.before_copy + self.when_complete

    def describe(self, *, most_names: int | None = None) -> tuple[str, ...]:
        """A line for each kind of touch, with how many and which; none when there is none.

        most_names: so many are named, the rest counted; None names all.
        """
        kinds = (
            ("SHUTS DOWN", "before the copy", self.before_copy),
            ("POWERS OFF", "once migrated", self.when_complete),
            ("PULLS THE PLUG of", "where the guest does not go down", self.hard),
        )
        return tuple(
            f"{does} {counted(len(names), 'source')} {when}: {_listed(names, most_names)}"
            for does, when, names in kinds
            if names
        )


def touched_power(wave: str, vms: Iterable[PlannedVm], post: PostMigration) -> TouchedPower:
    """What these VMs of a wave do to their sources. One that is off now is named too: it may run by then."""
    chosen = tuple(vms)
    cold = tuple(each for each in chosen if each.consistency is Consistency.COLD)
    rest = tuple(
        each for each in chosen if post.power_off_source and each.consistency is not Consistency.COLD
    )
    return TouchedPower(
        wave,
        tuple(each.name for each in cold),
        tuple(each.name for each in rest),
        tuple(each.name for each in (*cold, *rest) if each.hard_power_off),
    )


def power_by_wave(plan: ResolvedPlan) -> tuple[TouchedPower, ...]:
    """Waves that touch a source's power, in their order."""
    planned = {each.name: each for each in plan.vms}
    waves = (
        touched_power(wave.name, (planned[name] for name in wave.vm_names), plan.post_migration)
        for wave in plan.waves
    )
    return tuple(each for each in waves if each.names)


def _listed(names: tuple[str, ...], most: int | None) -> str:
    more = len(names) - most if most is not None else 0
    return f"{', '.join(names[:most])} and {more} more" if more > 0 else ", ".join(names)
