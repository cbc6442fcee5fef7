"""Make something outside exactly once: record the intent, look whether it is there, only then make it.

A run that was killed at any line left at most an intent and perhaps the thing itself; the next run finds it
by its tag and goes on.
"""

from collections.abc import Callable

from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.engine.stage_contract import LedgerWriter, StageContext


def adopt_or_make(
    context: StageContext,
    kind: EffectKind,
    *,
    zone: str,
    tag: str,
    make: Callable[[], CloudResource],
    origin: str = "",
    ledger: LedgerWriter | None = None,
) -> CloudResource:
    """The one resource of this kind with this tag, found or made.

    origin: a further tag that says what it was made of; one made of something else is stale. Stale ones and
    those that ended in error are removed and made again; of several (a create whose answer was lost, answered
    twice) the oldest stays. ledger: where it is recorded, None: as the VM's own.
    """
    ledger = ledger or context.ledger
    effect = ledger.intend(kind, tag=tag, where=zone)
    found = _usable(context, kind, zone, tag, origin)
    resource = found or make()
    ledger.made(effect, resource.id)
    return resource


def _usable(
    context: StageContext, kind: EffectKind, zone: str, tag: str, origin: str
) -> CloudResource | None:
    cloud = context.ports.cloud
    found = cloud.find(kind.value, zone, tag)
    good = [
        each for each in found if each.state is not CloudState.ERROR and (not origin or origin in each.tags)
    ]
    for surplus in [each for each in found if each not in good[:1]]:
        cloud.delete(kind.value, zone, surplus.id)
    return good[0] if good else None


def forget(context: StageContext, kind: EffectKind, resource_id: str) -> None:
    """Record that what this effect made is removed."""
    for effect in context.ledger.open_effects(kind):
        if resource_id in {effect.resource_id, effect.tag}:
            context.ledger.gone(effect)
