"""create_instance: snapshots become volumes, volumes an Instance with its networks, and it is powered on.

No image is needed for this path; an image is only the template some want besides (reference: scaleway.md
1.6).
"""

from dataclasses import replace
from functools import partial

from v2s_tui.domain.errors import OutOfStock, TargetError
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import CloudResource, CloudState, InstanceRequest
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.adopting import adopt_or_make
from v2s_tui.engine.stages.connecting import connect_nics, connected_otherwise
from v2s_tui.engine.stages.naming import disk_part, names_of
from v2s_tui.engine.stages.starting_over import discard_other_instance, made_otherwise
from v2s_tui.engine.stages.waiting import wait_for

VOLUME_TIMEOUT_SECONDS = 1800.0
START_TIMEOUT_SECONDS = 300.0
ATTACHABLE = frozenset({CloudState.READY, CloudState.IN_USE})


def create_instance(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: whatever an interrupted run made is adopted by its tag, but an Instance that the plan entry
    or the copy has left behind is made anew.
    """
    discard_other_instance(stage, context)
    artifacts = _with_volumes(stage, context)
    server = _with_server(stage, context, artifacts)
    artifacts = replace(
        artifacts, server_id=server.id, public_ip=server.addresses[0] if server.addresses else ""
    )
    context.checkpoint(artifacts)
    artifacts = replace(artifacts, private_nics=connect_nics(stage, context, server))
    context.checkpoint(artifacts)
    _power_on(stage, context, server)
    return artifacts


def _with_volumes(stage: StageInput, context: StageContext) -> Artifacts:
    """A volume per disk; all are asked for before the first is waited for."""
    artifacts = stage.artifacts
    for disk in artifacts.disks:
        artifacts = artifacts.with_disk(replace(disk, volume_id=_volume(stage, context, disk)))
        context.checkpoint(artifacts)
    for disk in artifacts.disks:
        found = wait_for(
            context,
            f"Scaleway volume of disk {disk.index + 1}",
            partial(context.ports.cloud.get, "volume", stage.planned.zone, disk.volume_id),
            wanted=ATTACHABLE,
            timeout_seconds=VOLUME_TIMEOUT_SECONDS,
        )
        if found.state is CloudState.ERROR:
            raise TargetError(f"the volume of disk {disk.index} ended in status {found.status}")
    return artifacts


def _volume(stage: StageInput, context: StageContext, disk: DiskArtifacts) -> str:
    names, part, zone = names_of(stage), disk_part(disk.index), stage.planned.zone
    origin = names.origin_tag(disk.snapshot_id)
    volume = adopt_or_make(
        context,
        EffectKind.VOLUME,
        zone=zone,
        tag=names.part_tag(part),
        origin=origin,
        make=lambda: context.ports.cloud.create_volume(
            zone,
            snapshot_id=disk.snapshot_id,
            name=names.resource(part),
            tags=(*names.tags(part), origin),
            perf_iops=stage.planned.volume_class_of(disk.device_key).iops,
        ),
    )
    return volume.id


def _with_server(stage: StageInput, context: StageContext, artifacts: Artifacts) -> CloudResource:
    names, zone, cloud, planned = names_of(stage), stage.planned.zone, context.ports.cloud, stage.planned
    request = InstanceRequest(
        zone=zone,
        name=names.instance,
        commercial_type=planned.target_type,
        volume_ids=tuple(each.volume_id for each in artifacts.disks),
        tags=names.tags("server"),
        ip_ids=_public_ip(stage, context),
        security_group_id=planned.security_group,
        placement_group_id=planned.placement_group,
        cloud_init=planned.cloud_init,
    )
    context.progress.activity = f"creating {request.name} ({request.commercial_type})"
    server = adopt_or_make(
        context,
        EffectKind.INSTANCE,
        zone=zone,
        tag=names.part_tag("server"),
        make=lambda: cloud.create_instance(request),
    )
    if request.cloud_init and server.state is CloudState.STOPPED:
        cloud.set_cloud_init(zone, server.id, request.cloud_init)
    return server


def _public_ip(stage: StageInput, context: StageContext) -> tuple[str, ...]:
    if not stage.planned.wants_public_ip:
        return ()
    names, zone = names_of(stage), stage.planned.zone
    ip = adopt_or_make(
        context,
        EffectKind.IP,
        zone=zone,
        tag=names.part_tag("ip"),
        make=lambda: context.ports.cloud.create_ip(zone, tags=names.tags("ip")),
    )
    return (ip.id,)


def _power_on(stage: StageInput, context: StageContext, server: CloudResource) -> None:
    zone, cloud = stage.planned.zone, context.ports.cloud
    found = cloud.get("instance", zone, server.id) or server
    if found.state is CloudState.STOPPED:
        cloud.instance_action(zone, server.id, "poweron")
    seen_starting = False

    def look() -> CloudResource | None:
        nonlocal seen_starting
        now = cloud.get("instance", zone, server.id)
        if now and now.state is CloudState.STOPPED and seen_starting:
            raise OutOfStock(
                f"{now.name} fell back to stopped while it was starting",
                hint=f"{zone} may have no free {stage.planned.target_type} now; retry powers it on again",
            )
        seen_starting = seen_starting or (now is not None and now.state is CloudState.PENDING)
        return now

    started = wait_for(
        context,
        "Scaleway to start the Instance",
        look,
        wanted=frozenset({CloudState.RUNNING}),
        timeout_seconds=START_TIMEOUT_SECONDS,
    )
    if started.state is CloudState.ERROR:
        raise TargetError(
            f"{started.name} is {started.status} ({started.detail})",
            hint="look at the Instance in the console",
        )


def instance_holds(stage: StageInput, ports: Ports) -> StageEvidence:
    """The Instance exists as the plan entry says now, and so does each volume."""
    zone, artifacts = stage.planned.zone, stage.artifacts
    server = ports.cloud.get("instance", zone, artifacts.server_id) if artifacts.server_id else None
    missing = []
    if server is None:
        missing.append("the Instance is gone")
    elif other := made_otherwise(stage.planned, server):
        missing.append(f"the Instance was made {other}")
    elif connected_otherwise(stage, ports):
        missing.append("its private NICs are not those that the plan says")
    missing += [
        f"the volume of disk {disk.index} is gone"
        for disk in artifacts.disks
        if not disk.volume_id or ports.cloud.get("volume", zone, disk.volume_id) is None
    ]
    return StageEvidence(holds=not missing, missing=tuple(missing))
