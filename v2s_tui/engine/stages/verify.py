"""verify: what stands at Scaleway compared with what the plan says, each line as evidence for the report."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from v2s_tui.domain.errors import VerificationFailed
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.planning.target_nics import TargetNic, target_nics
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.target.private_networks import region_of
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.answering import answer_checks
from v2s_tui.engine.stages.check import Check
from v2s_tui.engine.stages.naming import names_of
from v2s_tui.engine.stages.waiting import wait_for

NIC_TIMEOUT_SECONDS = 300.0
"""Attaching a private NIC took up to 91 s where it was measured (reference: scaleway.md 1.7)."""
IN_PLACE = frozenset({CloudState.READY, CloudState.IN_USE})
_ATTACHED = frozenset({CloudState.IN_USE})


def verify(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage. Raises VerificationFailed with every line that is wrong."""
    if stage.planned.create_instance:
        artifacts, checks = _verify_instance(stage, context)
    else:
        artifacts, checks = stage.artifacts, list(_stored_checks(stage, context))
    wrong = [str(each) for each in checks if not each.good]
    if wrong:
        raise VerificationFailed(
            f"{stage.planned.name} is not what the plan says: {'; '.join(wrong)}",
            hint="look at it in the console; it is kept, and so is the source",
        )
    return artifacts.with_note("verified", "\n".join(str(each) for each in checks))


def _verify_instance(stage: StageInput, context: StageContext) -> tuple[Artifacts, list[Check]]:
    server = context.ports.cloud.get("instance", stage.planned.zone, stage.artifacts.server_id)
    if server is None:
        return stage.artifacts, [Check("Instance", False, "it does not exist")]
    checks = [
        *_server_checks(stage, server),
        *_volume_checks(stage, context, server),
        *_nic_checks(stage, context),
    ]
    public_ip = server.addresses[0] if server.addresses else ""
    checks += answer_checks(stage, context, public_ip)
    return replace(stage.artifacts, public_ip=public_ip), checks


def _server_checks(stage: StageInput, server: CloudResource) -> Iterator[Check]:
    planned = stage.planned
    yield Check("state", server.state is CloudState.RUNNING, server.status)
    yield Check("type", server.commercial_type == planned.target_type, server.commercial_type)
    yield Check("zone", server.zone == planned.zone, server.zone)
    missing = set(names_of(stage).tags("server")) - set(server.tags)
    yield Check("tags", not missing, f"without {', '.join(sorted(missing))}" if missing else "all there")
    if planned.wants_public_ip:
        yield Check("public IP", bool(server.addresses), ", ".join(server.addresses) or "none")


def _volume_checks(stage: StageInput, context: StageContext, server: CloudResource) -> Iterator[Check]:
    wanted = tuple(disk.volume_id for disk in stage.artifacts.disks)
    yield Check(
        "volumes in boot order",
        server.volumes == wanted,
        f"{len(server.volumes)} of {len(wanted)}"
        if set(server.volumes) != set(wanted)
        else "all, in order"
        if server.volumes == wanted
        else "all, in another order",
    )
    for disk in stage.artifacts.disks:
        volume = context.ports.cloud.get("volume", stage.planned.zone, disk.volume_id)
        found = f"{volume.size_bytes} bytes, {volume.status}" if volume else "it does not exist"
        good = volume is not None and volume.size_bytes >= disk.capacity_bytes and volume.state in IN_PLACE
        yield Check(f"disk {disk.index}", good, found)


def _nic_checks(stage: StageInput, context: StageContext) -> Iterator[Check]:
    zone, cloud = stage.planned.zone, context.ports.cloud
    wanted = target_nics(stage.planned)
    made = stage.artifacts.private_nics
    if len(made) != len(wanted):
        yield Check("private networks", False, f"{len(made)} of {len(wanted)} joined")
    for nic, nic_id in zip(wanted, made, strict=False):
        found = wait_for(
            context,
            f"network {nic.network}",
            partial(cloud.get, "private_nic", zone, nic_id),
            wanted=frozenset({CloudState.READY}),
            timeout_seconds=NIC_TIMEOUT_SECONDS,
        )
        yield Check(f"network {nic.network}", found.state is CloudState.READY, found.status)
        if nic.address is not None and found.state is CloudState.READY:
            yield _address_check(stage, context, nic, nic_id)


def _address_check(stage: StageInput, context: StageContext, nic: TargetNic, nic_id: str) -> Check:
    """Whether its NIC has the address that was booked for it: DHCP gives it to that one then."""
    cloud, region, kind = context.ports.cloud, region_of(stage.planned.zone), EffectKind.ADDRESS.value
    what = f"address {nic.address}"
    booked = cloud.find(kind, region, names_of(stage).part_tag(f"address-{nic.index}"))
    if not booked:
        return Check(what, False, "it is not booked")
    look = partial(cloud.get, kind, region, booked[0].id)
    found = wait_for(context, what, look, wanted=_ATTACHED, timeout_seconds=NIC_TIMEOUT_SECONDS)
    on_it = (found.address, found.attached_to) == (nic.address, nic_id.rpartition("/")[2])
    return Check(what, on_it, "on its NIC" if on_it else f"{found.address} is on {found.attached_to}")


def _stored_checks(stage: StageInput, context: StageContext) -> Iterator[Check]:
    """Without an Instance, what was imported is the result."""
    zone, cloud, artifacts = stage.planned.zone, context.ports.cloud, stage.artifacts
    for disk in artifacts.disks:
        snapshot = cloud.get("block_snapshot", zone, disk.snapshot_id)
        good = snapshot is not None and snapshot.state in IN_PLACE
        yield Check(f"snapshot of disk {disk.index}", good, snapshot.status if snapshot else "gone")
    if artifacts.image_id:
        image = cloud.get("image", zone, artifacts.image_id)
        wanted = tuple(disk.snapshot_id for disk in artifacts.disks)
        good = image is not None and image.state is CloudState.READY and image.volumes == wanted
        yield Check("image", good, f"{image.status}, {len(image.volumes)} volumes" if image else "gone")
