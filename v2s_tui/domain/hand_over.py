"""What a batch made and hands over, wave by wave, in the order in which the waves ran."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.ledger import Effect, EffectState, shared_tag
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.target_nics import target_nics
from v2s_tui.domain.target.private_networks import region_of


@dataclass(frozen=True, slots=True)
class MadeByWave:
    """number: from 1. effects: first what VMs share and it is first to use, then its VMs' in plan order."""

    number: int
    name: str
    effects: tuple[Effect, ...]

    @property
    def title(self) -> str:
        """For people: `wave 2: web`."""
        return f"wave {self.number}: {self.name}"


def made_by_wave(state: BatchState) -> tuple[MadeByWave, ...]:
    """Every wave of the batch with what exists of it; each thing belongs to one wave only."""
    made: dict[str, list[Effect]] = defaultdict(list)
    for effect in state.effects.values():
        if effect.state is EffectState.MADE:
            made[effect.vm_name or _first_user(state, effect)].append(effect)
    return tuple(
        MadeByWave(number, wave.name, tuple(_shared_first(each for vm in wave.vm_names for each in made[vm])))
        for number, wave in enumerate(state.header.waves, start=1)
    )


def _shared_first(effects: Iterable[Effect]) -> list[Effect]:
    return sorted(effects, key=lambda each: each.vm_name != "")


def _first_user(state: BatchState, effect: Effect) -> str:
    """The first VM in the order of the waves that joins the network; else the first of all."""
    names = [name for wave in state.header.waves for name in wave.vm_names]
    users = (name for name in names if _joins(state.planned[name], effect, state.header.batch_id))
    return next(users, names[0])


def _joins(planned: PlannedVm, effect: Effect, batch_id: str) -> bool:
    networks = {shared_tag(batch_id, effect.kind, nic.network) for nic in target_nics(planned)}
    return effect.tag in networks and effect.where == region_of(planned.zone)
