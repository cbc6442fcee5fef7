"""Find what any batch left outside, and remove one such thing at a time."""

from collections.abc import Iterator

from v2s_tui.adapters.store.reading import list_batches, read_batch, state_path
from v2s_tui.domain.errors import NotFound, TargetError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.leftovers import Found, Leftover, found_at_scaleway, leftovers_among
from v2s_tui.domain.planning.cost import DEFAULT_PRICES
from v2s_tui.domain.ports import CloudResource, CloudState, ObjectStore
from v2s_tui.domain.target.private_networks import region_of
from v2s_tui.engine.attach import living_runner
from v2s_tui.usecases.services import Services

_PREFIX = "migrations/"
_SNAPSHOT_PREFIX = "v2s-"
_AT_SCALEWAY = (
    EffectKind.INSTANCE,
    EffectKind.IP,
    EffectKind.VOLUME,
    EffectKind.IMAGE,
    EffectKind.BLOCK_SNAPSHOT,
)
_OF_REGIONS = (EffectKind.ADDRESS, EffectKind.PRIVATE_NETWORK)


def find_leftovers(services: Services) -> tuple[Leftover, ...]:
    """Everything found by tag and name in vCenter, the transit bucket and every zone our batches used.

    Raises OutsideError when one of them cannot be asked: half a list would be taken for all.
    """
    earlier, _ = _batches(services)
    found = [*_at_vmware(services), *_at_storage(services), *_at_scaleway(services, earlier)]
    # Read again: what a batch has made that began, or went on, meanwhile is not nobody's.
    batches, running = _batches(services)
    return leftovers_among(found, batches, services.clock.now(), _prices(services), running=running)


def _batches(services: Services) -> tuple[list[BatchState], list[str]]:
    """Those of this work folder, and the ids of those that a runner works on."""
    listed = [each for each in list_batches(services.work_dir) if each.header is not None]
    running = [
        each.header.batch_id for each in listed if each.header is not None and living_runner(each.path)
    ]
    return [read_batch(each.path) for each in listed], running


def remove_leftover(services: Services, leftover: Leftover) -> None:
    """Remove it; succeeds when it is already gone. Raises OutsideError; TargetError where its batch runs by
    now, and for an Instance that runs and the address that it answers at: only an undo that names its VM
    removes those.
    """
    found = leftover.found
    if found.batch_id and living_runner(state_path(services.work_dir, found.batch_id)):
        raise TargetError(f"batch {found.batch_id} runs now and may use it", hint="wait until it has ended")
    if found.kind is EffectKind.VMWARE_SNAPSHOT:
        services.source().remove_snapshot(found.place, found.id)
    elif found.kind is EffectKind.MULTIPART_UPLOAD:
        services.objects().abort_upload(found.place, found.parent, found.id)
    elif found.kind is EffectKind.OBJECT:
        services.objects().delete(found.place, found.id)
    else:
        _remove_at_scaleway(services, leftover)


def _remove_at_scaleway(services: Services, leftover: Leftover) -> None:
    found, cloud = leftover.found, services.cloud()
    now = cloud.get(found.kind.value, found.place, found.id)
    if now is not None and _somebody_may_use(now, found.kind):
        hint = "power it off first, or"
        raise TargetError(
            f"it is {now.status}, somebody may use it",
            hint=f"{hint} `v2s batch undo --batch-id {found.batch_id} --vm {leftover.vm_name or 'NAME'}`",
        )
    cloud.delete(found.kind.value, found.place, found.id)


def _somebody_may_use(now: CloudResource, kind: EffectKind) -> bool:
    if kind is EffectKind.INSTANCE:
        return now.state not in {CloudState.STOPPED, CloudState.ERROR}
    return kind is EffectKind.IP and bool(now.attached_to)


def _prices(services: Services) -> dict[str, float]:
    return dict(DEFAULT_PRICES) | dict(
        services.cloud().monthly_prices(services.settings.scaleway.default_zone)
    )


def _at_vmware(services: Services) -> Iterator[Found]:
    for vm, moref, name, created_at in services.source().snapshots_named(_SNAPSHOT_PREFIX):
        yield Found(
            kind=EffectKind.VMWARE_SNAPSHOT,
            place=vm.moref,
            id=moref,
            name=f"{name} of {vm.path}",
            migration_id=name.removeprefix(_SNAPSHOT_PREFIX),
            created_at=created_at,
        )


def _at_storage(services: Services) -> Iterator[Found]:
    bucket, objects = services.settings.scaleway.s3_bucket, services.objects()
    try:
        stored = objects.list_objects(bucket, _PREFIX)
    except NotFound:
        return  # no bucket, no transit data
    for each in stored:
        yield Found(
            kind=EffectKind.OBJECT,
            place=bucket,
            id=each.key,
            name=f"{bucket}/{each.key}",
            migration_id=_migration_of(each.key),
            created_at=each.last_modified,
            size_bytes=each.size_bytes,
        )
    for upload in objects.list_uploads(bucket, _PREFIX):
        yield Found(
            kind=EffectKind.MULTIPART_UPLOAD,
            place=bucket,
            id=upload.upload_id,
            name=f"{bucket}/{upload.key}",
            migration_id=_migration_of(upload.key),
            created_at=upload.initiated_at,
            size_bytes=_parts_bytes(objects, bucket, upload.key, upload.upload_id),
            parent=upload.key,
        )


def _parts_bytes(objects: ObjectStore, bucket: str, key: str, upload_id: str) -> int:
    return sum(part.size_bytes for part in objects.list_parts(bucket, key, upload_id))


def _migration_of(key: str) -> str:
    return key.removeprefix(_PREFIX).partition("/")[0]


def _at_scaleway(services: Services, batches: list[BatchState]) -> Iterator[Found]:
    zones = {services.settings.scaleway.default_zone}
    zones |= {planned.zone for state in batches for planned in state.planned.values()}
    places = [(kind, zone) for zone in sorted(zones) for kind in _AT_SCALEWAY]
    regions = sorted({region_of(zone) for zone in zones})
    places += [(kind, region) for region in regions for kind in _OF_REGIONS]
    for kind, place in places:
        for resource in services.cloud().find(kind.value, place, ""):
            found = found_at_scaleway(kind, resource)
            if found is not None:
                yield found
