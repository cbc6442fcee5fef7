"""What `batch undo` would remove, in dependency order, and what that means: told before it happens."""

from collections.abc import Collection
from dataclasses import dataclass

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.ledger import Effect, EffectKind, EffectState

_ORDER = tuple(EffectKind)

_CONSEQUENCES: dict[EffectKind, str] = {
    EffectKind.INSTANCE: "the Instance is stopped and deleted; whoever uses it loses it",
    EffectKind.PRIVATE_NIC: "the Instance leaves the private network",
    EffectKind.ADDRESS: "its address in the private network is free again",
    EffectKind.PRIVATE_NETWORK: "it goes when nothing is connected to it any more",
    EffectKind.IP: "the public address is given back and cannot be had again",
    EffectKind.VOLUME: "the data written at Scaleway since the migration is lost",
    EffectKind.IMAGE: "no further Instance can be made of it",
    EffectKind.BLOCK_SNAPSHOT: "a retry imports it again",
    EffectKind.MULTIPART_UPLOAD: "its finished parts are lost; a retry uploads again",
    EffectKind.OBJECT: "a retry uploads it again",
    EffectKind.NFC_LEASE: "the source VM is no longer locked",
    EffectKind.VMWARE_SNAPSHOT: "the source's disks are consolidated; a retry takes a new snapshot",
    EffectKind.SOURCE_POWER: "the source VM is powered on again",
    EffectKind.SOURCE_TAG: "stays: remove the tag in vCenter by hand",
    EffectKind.BUCKET: "stays: other batches may use it",
}
KEPT_KINDS = frozenset({EffectKind.SOURCE_TAG, EffectKind.BUCKET})
"""Effects that undo leaves as they are, and says so."""


@dataclass(frozen=True, slots=True)
class UndoStep:
    """One removal. certain: False when only the intention is on record, so it is looked for by its tag."""

    effect: Effect
    consequence: str
    certain: bool

    def describe(self) -> str:
        """`web-01: volume 1234 in fr-par-1: the data ... is lost`."""
        effect = self.effect
        what = effect.resource_id or effect.tag
        doubt = "" if self.certain else " (if it was made)"
        return f"{effect.owner}: {effect.kind.value} {what} in {effect.where}{doubt}: {self.consequence}"


def undo_steps(state: BatchState, vm_names: Collection[str] | None = None) -> tuple[UndoStep, ...]:
    """What is to be removed, in the order in which it can be. vm_names: None means all VMs, and what they
    share.

    Raises KeyError for a VM the batch does not have.
    """
    for name in vm_names or ():
        state.jobs[name]
    effects = [
        effect
        for effect in state.effects.values()
        if effect.state is not EffectState.GONE and (vm_names is None or effect.vm_name in vm_names)
    ]
    effects.sort(key=lambda effect: (_ORDER.index(effect.kind), int(effect.id)))
    return tuple(
        UndoStep(effect, _CONSEQUENCES[effect.kind], effect.state is EffectState.MADE) for effect in effects
    )
