"""One VM's side of the ledger: every call returns only after the record is on disk."""

from collections.abc import Iterable

from v2s_tui.domain.execution.events import EffectRecorded
from v2s_tui.domain.execution.ledger import Effect, EffectKind, EffectState
from v2s_tui.domain.ports import Clock
from v2s_tui.engine.recorder import Recorder

BATCH = ""
"""In place of a VM's name: what its VMs share belongs to the batch."""


def ledger_of(recorder: Recorder, clock: Clock, vm_name: str) -> "VmLedger":
    """The ledger of this VM, or of BATCH, as it stands; looks through all effects of the batch."""
    known = [each for each in recorder.state.effects.values() if each.vm_name == vm_name]
    return VmLedger(recorder, clock, vm_name, known)


class VmLedger:
    """LedgerWriter (stage_contract.py) of one VM or of BATCH; used by one stage thread at a time."""

    def __init__(self, recorder: Recorder, clock: Clock, vm_name: str, known: Iterable[Effect]) -> None:
        self._recorder = recorder
        self._clock = clock
        self._vm_name = vm_name
        self._effects = {each.id: each for each in known}

    def intend(self, kind: EffectKind, *, tag: str, where: str, detail: str = "") -> Effect:
        """Record the intention, or return the open effect of that kind, tag and place."""
        for each in self.open_effects(kind):
            if each.tag == tag and each.where == where:
                return each
        effect = Effect(
            id=self._recorder.next_effect_id(),
            kind=kind,
            vm_name=self._vm_name,
            tag=tag,
            where=where,
            state=EffectState.INTENDED,
            recorded_at=self._clock.now(),
            detail=detail,
        )
        return self._write(effect)

    def made(self, effect: Effect, resource_id: str) -> Effect:
        """Record the result."""
        return self._write(effect.made(resource_id))

    def gone(self, effect: Effect) -> Effect:
        """Record that it is removed, or was never made."""
        return self._write(effect.gone())

    def open_effects(self, kind: EffectKind | None = None) -> tuple[Effect, ...]:
        """Effects that are intended or made, oldest first."""
        return tuple(
            each
            for each in self._effects.values()
            if each.state is not EffectState.GONE and kind in {None, each.kind}
        )

    def _write(self, effect: Effect) -> Effect:
        self._recorder.record_and_wait(EffectRecorded(at=self._clock.now(), vm=self._vm_name, effect=effect))
        self._effects[effect.id] = effect
        return effect
