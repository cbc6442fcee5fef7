"""NFC leases that a killed runner left open: they lock their VM at the source until they are ended."""

from datetime import timedelta

from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import Clock, Source
from v2s_tui.engine.stage_contract import LedgerWriter

LEASE_LIFE = timedelta(seconds=300)
"""vCenter drops a lease after so long without a sign of life (reference: vsphere.md 4.2)."""


def end_dead_leases(ledger: LedgerWriter, source: Source, clock: Clock) -> str:
    """End every lease that the VM's ledger still has, before anything of this run opens one.

    Returns what the VM has to wait for where one cannot be ended, "" nothing. Blocking; raises SourceError.
    """
    reasons = []
    for effect in ledger.open_effects(EffectKind.NFC_LEASE):
        reason = source.end_lease(effect.resource_id or effect.detail)
        ledger.gone(effect)
        reasons += [reason] if reason else []
    if not reasons:
        return ""
    free_at = (clock.now() + LEASE_LIFE).astimezone()
    return (
        f"the source VM is locked by the NFC lease of an earlier run until {free_at:%H:%M:%S} at most"
        f" ({reasons[0]})"
    )
