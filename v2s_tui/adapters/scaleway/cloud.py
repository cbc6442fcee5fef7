"""Scaleway behind the `Cloud` port: catalogue, quotas, and everything a migration makes and removes.

Looking for a tag before a create is the caller's job (the stages); this module never repeats a create whose
connection broke.
"""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from v2s_tui.adapters.scaleway import lookups, resources
from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.account import block_storage_gb, quota_limits, usage_counts
from v2s_tui.adapters.scaleway.addresses import networks_with_taken
from v2s_tui.adapters.scaleway.answers import understanding
from v2s_tui.adapters.scaleway.catalogue import read_catalogue
from v2s_tui.adapters.scaleway.finding import find_resources
from v2s_tui.adapters.scaleway.one_resource import DELETERS, GETTERS
from v2s_tui.adapters.scaleway.prices import read_monthly_prices
from v2s_tui.adapters.scaleway.rights import missing_access
from v2s_tui.adapters.scaleway.transport import Transport
from v2s_tui.domain.errors import ImportRefused, NotFound, TargetError
from v2s_tui.domain.planning.account_access import MissingAccess
from v2s_tui.domain.ports import CloudResource, CloudState, InstanceRequest
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.private_networks import PrivateNetwork, Vpc, region_of

if TYPE_CHECKING:
    from v2s_tui.adapters.scaleway.sdk import Apis


class ScalewayCloud:
    """Implements `Cloud`. One per process; safe to share between threads. The SDK loads at the first call."""

    def __init__(self, access: ScalewayAccess, *, transport: Transport | None = None) -> None:
        self._access = access
        self._transport = transport or Transport(access)
        self._loaded: Apis | None = None
        self._lock = threading.Lock()

    @property
    def _apis(self) -> "Apis":
        with self._lock:
            if self._loaded is None:
                from v2s_tui.adapters.scaleway.sdk import Apis

                self._loaded = Apis(self._access, self._transport)
            return self._loaded

    def close(self) -> None:
        """Close pooled connections."""
        self._transport.close()

    # --- what there is

    @understanding("list servers types")
    def catalogue(self, zone: str) -> Catalogue:
        """Types of the zone with prices and stock, all pages."""
        return read_catalogue(self._apis.instance, zone)

    @understanding("list quotas")
    def quotas(self) -> Mapping[str, int]:
        """Quota name (`name@zone` where it holds for one zone) -> limit, -1 unlimited."""
        return quota_limits(self._apis.iam, self._access.organization_id)

    @understanding("get dashboard")
    def usage(self, zone: str) -> Mapping[str, int]:
        """Instances of each commercial type in the zone, and `servers`, `volumes`, `ips`, `images`..."""
        return usage_counts(self._apis.instance, zone, self._access.project_id)

    @understanding("list volumes")
    def block_storage_gb(self, zone: str) -> int:
        """GB of all Block Storage volumes in the zone."""
        return block_storage_gb(self._apis.block, zone, self._access.project_id)

    @understanding("a look at rights")
    def check_access(self, zone: str) -> tuple[MissingAccess, ...]:
        """What the key may not do; harmless calls only."""
        return missing_access(self._apis, self._access, zone)

    @understanding("list volume types")
    def monthly_prices(self, zone: str) -> Mapping[str, float]:
        """EUR per month without VAT: `block_gb`, `block_gb_15k`, `snapshot_gb`, `ipv4`, `object_gb`."""
        return read_monthly_prices(self._apis.block, zone)

    @understanding("list private networks")
    def private_networks(self, zone: str, *, with_taken: bool = False) -> tuple[PrivateNetwork, ...]:
        """Private Networks of the project in the zone's region; with_taken: with addresses booked or in
        use.
        """
        networks = networks_with_taken if with_taken else lookups.private_networks
        return networks(self._apis, zone, self._access.project_id)

    @understanding("list vpcs")
    def vpcs(self, zone: str) -> tuple[Vpc, ...]:
        """VPCs of the project in the zone's region."""
        return lookups.vpcs(self._apis, zone, self._access.project_id)

    def get(self, kind: str, zone: str, resource_id: str) -> CloudResource | None:
        """The resource now; None when it does not exist."""
        getter = GETTERS[kind]
        try:
            with understanding(f"get {kind}"):
                found = getter(self._apis, zone, resource_id)
        except NotFound:
            return None
        return None if found.state is CloudState.GONE else found

    def find(self, kind: str, zone: str, tag: str) -> tuple[CloudResource, ...]:
        """Resources of that kind with this tag, oldest first; tag "": with any tag that begins `v2s:`."""
        with understanding(f"list {kind}"):
            return find_resources(self._apis, kind, zone, tag, self._access.project_id)

    # --- making

    @understanding("import snapshot from object storage")
    def import_snapshot(
        self,
        zone: str,
        *,
        bucket: str,
        key: str,
        name: str,
        tags: tuple[str, ...],
        size_bytes: int | None = None,
    ) -> CloudResource:
        """Begin the import of a qcow2; ImportRefused when the API will not have this object."""
        try:
            snapshot = self._apis.block.import_snapshot_from_object_storage(
                zone=zone,
                bucket=bucket,
                key=key,
                name=name,
                tags=list(tags),
                size=size_bytes,
                project_id=self._access.project_id or None,
            )
        except TargetError as err:
            raise _import_refused(err, bucket, key) from err
        return resources.from_block_snapshot(snapshot)

    def export_snapshot(self, zone: str, *, snapshot_id: str, bucket: str, key: str) -> None:
        """Begin the export; the snapshot is `exporting` until the object is whole."""
        self._apis.block.export_snapshot_to_object_storage(
            zone=zone, snapshot_id=snapshot_id, bucket=bucket, key=key
        )

    @understanding("create volume")
    def create_volume(
        self, zone: str, *, snapshot_id: str, name: str, tags: tuple[str, ...], perf_iops: int
    ) -> CloudResource:
        """A Block Storage volume of the snapshot's size. perf_iops: 5000 or 15000."""
        from v2s_tui.adapters.scaleway.sdk import CreateVolumeRequestFromSnapshot

        volume = self._apis.block.create_volume(
            zone=zone,
            name=name,
            perf_iops=perf_iops,
            tags=list(tags),
            project_id=self._access.project_id or None,
            from_snapshot=CreateVolumeRequestFromSnapshot(snapshot_id=snapshot_id, size=None),
        )
        return resources.from_volume(volume)

    @understanding("create image")
    def create_image(
        self,
        zone: str,
        *,
        name: str,
        root_snapshot_id: str,
        extra_snapshot_ids: tuple[str, ...],
        tags: tuple[str, ...],
    ) -> CloudResource:
        """An image of the snapshots, x86-64."""
        from v2s_tui.adapters.scaleway.sdk import VolumeTemplate

        extra = {
            str(slot): VolumeTemplate(id=each, name=None, size=None, volume_type=None)
            for slot, each in enumerate(extra_snapshot_ids, start=1)
        }
        answer = self._apis.instance.create_image(
            zone=zone,
            name=name,
            root_volume=root_snapshot_id,
            extra_volumes=extra or None,
            arch="x86_64",
            tags=list(tags),
            project=self._access.project_id or None,
        )
        return resources.from_image(answer.image)

    @understanding("create ip")
    def create_ip(self, zone: str, *, tags: tuple[str, ...]) -> CloudResource:
        """A flexible IPv4 address."""
        answer = self._apis.instance.create_ip(
            zone=zone, tags=list(tags), type_="routed_ipv4", project=self._access.project_id or None
        )
        return resources.from_ip(answer.ip)

    @understanding("create server")
    def create_instance(self, request: InstanceRequest) -> CloudResource:
        """A stopped Instance with its volumes in boot order, and its cloud-init when there is one.

        Security and placement groups may be given by name. A Windows type gets the project's first RSA key
        when the request names none.
        """
        from v2s_tui.adapters.scaleway.sdk import VolumeServerTemplate

        volumes = {
            str(slot): VolumeServerTemplate(volume_type="sbs_volume", id=each, boot=None, size=None)
            for slot, each in enumerate(request.volume_ids)
        }
        apis, project = self._apis, self._access.project_id
        security_group = lookups.security_group_id(apis, request.zone, request.security_group_id, project)
        placement_group = lookups.placement_group_id(apis, request.zone, request.placement_group_id, project)
        answer = apis.instance.create_server(
            zone=request.zone,
            name=request.name,
            commercial_type=request.commercial_type,
            volumes=volumes,
            tags=list(request.tags),
            boot_type="local",
            dynamic_ip_required=False,
            public_ips=list(request.ip_ids) or None,
            security_group=security_group or None,
            placement_group=placement_group or None,
            admin_password_encryption_ssh_key_id=request.admin_password_key_id
            or lookups.windows_key_id(apis, request.commercial_type, project),
            project=project or None,
        )
        server = resources.from_server(answer.server)
        if request.cloud_init:
            self.set_cloud_init(request.zone, server.id, request.cloud_init)
        return server

    def set_cloud_init(self, zone: str, instance_id: str, text: str) -> None:
        """Give the Instance its cloud-init, plain text; setting it again changes nothing."""
        self._apis.instance.set_server_user_data(
            zone=zone, server_id=instance_id, key="cloud-init", content=text.encode()
        )

    @understanding("create private network")
    def create_private_network(
        self, zone: str, *, name: str, vpc: str | None, subnet: str | None, tags: tuple[str, ...]
    ) -> CloudResource:
        """A Private Network of the zone's region, empty. vpc: id or name, None the default one."""
        project = self._access.project_id
        network = self._apis.vpc.create_private_network(
            default_route_propagation_enabled=False,
            region=region_of(zone),
            name=name,
            tags=list(tags),
            subnets=[subnet] if subnet else None,
            vpc_id=lookups.vpc_id(self._apis, zone, vpc or "", project) or None,
            project_id=project or None,
        )
        return resources.from_private_network(network, 0)

    @understanding("book ip")
    def book_address(
        self, zone: str, *, private_network_id: str, address: str, tags: tuple[str, ...]
    ) -> CloudResource:
        """An IPv4 address of the Private Network (id or name), for a NIC that is still to be made."""
        from v2s_tui.adapters.scaleway.sdk import Source

        project = self._access.project_id
        network_id = lookups.private_network_id(self._apis, zone, private_network_id, project)
        booked = self._apis.ipam.book_ip(
            region=region_of(zone),
            source=Source(private_network_id=network_id, regional=None),
            is_ipv6=False,
            address=address,
            tags=list(tags),
            project_id=project or None,
        )
        return resources.from_address(booked)

    @understanding("create private nic")
    def create_private_nic(
        self,
        zone: str,
        *,
        instance_id: str,
        private_network_id: str,
        address_id: str,
        tags: tuple[str, ...],
    ) -> CloudResource:
        """A NIC in the Private Network (id or name), with this booked address; "" lets DHCP choose."""
        network_id = lookups.private_network_id(self._apis, zone, private_network_id, self._access.project_id)
        answer = self._apis.instance.create_private_nic(
            zone=zone,
            server_id=instance_id,
            private_network_id=network_id,
            ipam_ip_ids=[address_id] if address_id else None,
            tags=list(tags),
        )
        return resources.from_private_nic(answer.private_nic)

    # --- changing and removing

    def instance_action(self, zone: str, instance_id: str, action: str) -> None:
        """`poweron`, `poweroff`, `terminate`; poll the Instance, the task of the answer is empty."""
        self._apis.instance.server_action(zone=zone, server_id=instance_id, action=action)

    def delete(self, kind: str, zone: str, resource_id: str) -> None:
        """Succeeds when it is already gone. An Instance's volumes are detached first, so that they stay."""
        try:
            DELETERS[kind](self._apis, zone, resource_id)
        except NotFound:
            return


def _import_refused(err: TargetError, bucket: str, key: str) -> TargetError:
    """A 400 to an import speaks of the object; every other error keeps its meaning."""
    if err.status != 400 or isinstance(err, NotFound):
        return err
    return ImportRefused(
        f"Scaleway will not import {bucket}/{key}: {err.title}",
        hint=err.hint
        or "it wants a self-contained qcow2 (zlib, not encrypted) of at most 1 TB, in the zone's own region",
        status=err.status,
        kind=err.kind,
    )
