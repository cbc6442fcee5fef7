"""Target rules for one VM: what Scaleway refuses (reference: scaleway.md E, 2.1)."""

from collections.abc import Iterable
from dataclasses import replace

from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, blocks, notes, warns
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType, Stock
from v2s_tui.domain.target.network_map import NO_NETWORK, PUBLIC
from v2s_tui.domain.target.private_networks import region_of
from v2s_tui.domain.target.sizing import misfits, need_of
from v2s_tui.domain.target.volume_size import (
    LARGEST_IMPORT_BYTES,
    LEAST_SYSTEM_VOLUME_BYTES,
    target_size_bytes,
)
from v2s_tui.domain.units import GB, GIB, TB, format_bytes

MOST_VOLUMES = 16
MOST_PRIVATE_NICS = 8
FAST_VOLUME_BANDWIDTH = 3 * GIB
"""Bytes per second that 15,000 IOPS ask of the Instance type."""


def target_findings(planned: PlannedVm, catalogue: Catalogue, facts: PreflightFacts) -> Iterable[Finding]:
    """All findings of this group on one VM."""
    if not planned.vm.readable:
        return
    yield from _type(planned, catalogue)
    yield from _disks(planned)
    yield from _region(planned, facts)
    yield from _network(planned)


def _type(planned: PlannedVm, catalogue: Catalogue) -> Iterable[Finding]:
    if not planned.target_type:
        fix = "name a target_type or another zone"
        yield blocks("no-type", "no Instance type fits", planned.type_reason, fix, overridable=False)
        return
    found = catalogue.get(planned.target_type)
    if found is None:
        fix = "choose another type or zone"
        why = f"{planned.zone} does not offer it ({catalogue.source} of {catalogue.as_of})"
        yield blocks("type-unknown", f"{planned.target_type} is not offered", why, fix, overridable=False)
        return
    arriving = replace(planned.vm, disks=planned.moving_disks())
    for text in misfits(need_of(arriving), found):
        yield blocks(
            "type-misfit",
            f"{found.name} {text}",
            "the VM would not run as it does today",
            "choose another type",
        )
    yield from _stock(planned, found)
    yield from _volume_class(planned, found)


def _stock(planned: PlannedVm, found: InstanceType) -> Iterable[Finding]:
    if found.stock is Stock.SHORTAGE:
        why = f"{planned.zone} has none of these machines now"
        yield blocks("out-of-stock", f"{found.name} is sold out", why, "choose another type or zone, or wait")
    if found.stock is Stock.SCARCE:
        why = f"{planned.zone} has few of these machines"
        yield warns("scarce", f"{found.name} is scarce", why, "have a substitute ready")


def _volume_class(planned: PlannedVm, found: InstanceType) -> Iterable[Finding]:
    fast = any(planned.volume_class_of(disk.key) is VolumeClass.SBS_15K for disk in planned.moving_disks())
    if fast and 0 < found.block_bandwidth < FAST_VOLUME_BANDWIDTH:
        yield warns(
            "bandwidth-below-iops",
            f"{found.name} has {format_bytes(found.block_bandwidth)}/s to Block Storage",
            f"15,000 IOPS want {format_bytes(FAST_VOLUME_BANDWIDTH)}/s; the rest is paid for and unused",
            "choose a larger type, or sbs_5k",
        )


def _disks(planned: PlannedVm) -> Iterable[Finding]:
    disks = planned.moving_disks()
    for index, disk in enumerate(disks):
        size_bytes = target_size_bytes(disk.capacity_bytes, boot=index == 0, adapted=planned.adapt)
        if size_bytes > LARGEST_IMPORT_BYTES:
            yield blocks(
                "disk-above-1tb",
                f"{disk.label} has {disk.capacity_bytes / TB:.2f} TB",
                f"it becomes a volume of {size_bytes // GB:,} GB, and Scaleway imports 1 TB at most",
                "shrink it, split its data over two disks, or skip it and copy its data into an empty volume",
                overridable=False,
            )
    if len(disks) > MOST_VOLUMES:
        why = f"an Instance takes {MOST_VOLUMES} volumes"
        fix = "skip disks, or join their data on fewer"
        yield blocks("too-many-disks", f"{len(disks)} disks", why, fix, overridable=False)
    if disks and 0 < disks[0].capacity_bytes < LEAST_SYSTEM_VOLUME_BYTES:
        yield notes(
            "small-boot-disk",
            f"the boot disk of {format_bytes(disks[0].capacity_bytes)} becomes a volume of 10 GB",
            "a system volume has 10 GB at least; what it gains stays free",
        )


def _region(planned: PlannedVm, facts: PreflightFacts) -> Iterable[Finding]:
    region = region_of(planned.zone)
    if facts.s3_region and region != facts.s3_region:
        yield blocks(
            "bucket-region",
            f"zone {planned.zone}, bucket in {facts.s3_region}",
            "a disk is imported from a bucket of the zone's own region only",
            f"use a zone of {facts.s3_region}, or a bucket in {region}",
            overridable=False,
        )


def _network(planned: PlannedVm) -> Iterable[Finding]:
    if not planned.create_instance:
        return
    private = [nic for nic in planned.nics if nic.network not in {"", PUBLIC, NO_NETWORK}]
    if len(private) > MOST_PRIVATE_NICS:
        why = f"an Instance takes {MOST_PRIVATE_NICS} private NICs"
        yield blocks("too-many-nics", f"{len(private)} private NICs", why, "map fewer", overridable=False)
    unmapped = sorted({nic.port_group or nic.label for nic in planned.nics if not nic.network})
    if unmapped:
        yield warns(
            "nic-unmapped",
            f"no network for {', '.join(unmapped)}",
            "the Instance is not connected there",
            "add the port group to network_mapping, or `none`",
        )
    if planned.nics and not planned.wants_public_ip and not private:
        yield notes(
            "unreachable", "neither public address nor Private Network", "only the serial console reaches it"
        )
