"""What earlier batches left at VMware, Object Storage and Scaleway: found by tag and name, aged and priced.

A tag names batch and migration, so the record of that batch (where it still exists) tells product from
leftover. Without a record only what nothing uses is called a leftover: an Instance, and what is attached to
one, is somebody's product.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.report import RESULT_KINDS
from v2s_tui.domain.units import GB

_PRICES: Mapping[EffectKind, str] = {
    EffectKind.VOLUME: "block_gb",
    EffectKind.BLOCK_SNAPSHOT: "snapshot_gb",
    EffectKind.OBJECT: "object_gb",
    EffectKind.MULTIPART_UPLOAD: "object_gb",
}
_SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Found:
    """Something outside that carries our mark.

    place: where to remove it: zone, bucket, or the VM's moref. id: what to remove there (key for an object).
    parent: for an upload its key, for what is attached the Instance's id. batch_id: "" when the mark does not
    tell it.
    """

    kind: EffectKind
    place: str
    id: str
    name: str
    migration_id: str
    batch_id: str = ""
    created_at: datetime | None = None
    size_bytes: int = 0
    parent: str = ""
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that costs and serves nobody. age_days: None unknown. vm_name: "" when no record tells.

    resumable: its batch can still go on and would use it; removing it costs a repetition. recorded: False
    where no batch of this work folder made it: one of another folder or host may be at work with it.
    """

    found: Found
    age_days: float | None
    monthly_eur: float
    vm_name: str
    reason: str
    resumable: bool = False
    recorded: bool = True


def leftovers_among(
    found: Iterable[Found],
    batches: Collection[BatchState],
    now: datetime,
    prices: Mapping[str, float],
    *,
    running: Iterable[str] = (),
) -> tuple[Leftover, ...]:
    """Those that are leftovers, dearest first. running: ids of batches that a runner works on now."""
    unfinished = {state.header.batch_id for state in batches if _goes_on(state)}
    jobs = {job.migration_id: (state, job) for state in batches for job in state.jobs.values()}
    recorded = {state.header.batch_id for state in batches}
    busy = set(running)
    listed = []
    for each in found:
        state, job = jobs.get(each.migration_id, (None, None))
        known = replace(each, batch_id=each.batch_id or (state.header.batch_id if state else ""))
        reason = "" if known.batch_id in busy else _reason(known, state, job)
        if reason:
            line = _leftover(known, job, now, prices, reason)
            shared = known.kind is EffectKind.PRIVATE_NETWORK and known.batch_id in unfinished
            mine = known.batch_id in recorded
            listed.append(replace(line, resumable=line.resumable or shared, recorded=mine))
    return tuple(sorted(listed, key=lambda each: (-each.monthly_eur, each.found.name)))


def in_removal_order(chosen: Iterable[Leftover]) -> tuple[Leftover, ...]:
    """What uses others goes before them: an Instance before its volumes, an image before its snapshots."""
    order = tuple(EffectKind)
    return tuple(sorted(chosen, key=lambda each: order.index(each.found.kind)))


def _reason(found: Found, state: BatchState | None, job: JobState | None) -> str:
    """Why it is a leftover; "" when it is a product."""
    if found.in_use and found.kind in {EffectKind.PRIVATE_NETWORK, EffectKind.ADDRESS}:
        return ""
    if found.kind is EffectKind.PRIVATE_NETWORK:
        return "nothing is connected to it"
    if state is None or job is None:
        product = found.kind in {EffectKind.INSTANCE, EffectKind.IMAGE} or found.in_use
        return "" if product else "no record of its batch here: is it another host's?"
    if job.status is not JobStatus.COMPLETE:
        runs = ", and it runs" if found.kind is EffectKind.INSTANCE and found.in_use else ""
        return f"its VM is {job.status.value} in batch {state.header.batch_id}{runs}"
    kept = found.kind is EffectKind.BLOCK_SNAPSHOT and job.artifacts.image_id
    if found.kind in RESULT_KINDS or kept:
        return "" if found.in_use or _is_recorded(found, job) else "its VM is complete without it"
    return f"its VM is complete in batch {state.header.batch_id}"


def _goes_on(state: BatchState) -> bool:
    return any(each.status not in {JobStatus.COMPLETE, JobStatus.SKIPPED} for each in state.jobs.values())


def _is_recorded(found: Found, job: JobState) -> bool:
    artifacts = job.artifacts
    volumes = {disk.volume_id for disk in artifacts.disks} | {disk.snapshot_id for disk in artifacts.disks}
    return found.id in {artifacts.server_id, artifacts.image_id, *artifacts.private_nics, *volumes}


def _leftover(
    found: Found, job: JobState | None, now: datetime, prices: Mapping[str, float], reason: str
) -> Leftover:
    age = (now - found.created_at).total_seconds() / _SECONDS_PER_DAY if found.created_at else None
    return Leftover(
        found=found,
        age_days=age,
        monthly_eur=monthly_eur(found, prices),
        vm_name=job.vm_name if job else "",
        reason=reason,
        resumable=job is not None and job.status not in {JobStatus.COMPLETE, JobStatus.SKIPPED},
    )


def monthly_eur(found: Found, prices: Mapping[str, float]) -> float:
    """What it costs each month, without VAT; 0.0 at VMware, and for an Instance (its type's price is its
    own).
    """
    if found.kind is EffectKind.IP:
        return prices.get("ipv4", 0.0)
    key = _PRICES.get(found.kind)
    return found.size_bytes / GB * prices.get(key, 0.0) if key else 0.0


def found_at_scaleway(kind: EffectKind, resource: CloudResource) -> Found | None:
    """A tagged resource as Found; None when its tags are not ours."""
    mark = next((tag.split(":") for tag in resource.tags if tag.startswith("v2s:")), [])
    if len(mark) < 3:
        return None
    return Found(
        kind=kind,
        place=resource.zone,
        id=resource.id,
        name=resource.name or resource.address,
        migration_id=mark[2],
        batch_id=mark[1],
        created_at=resource.created_at,
        size_bytes=resource.size_bytes,
        parent=resource.attached_to,
        in_use=bool(resource.attached_to) or resource.state in {CloudState.IN_USE, CloudState.RUNNING},
    )
