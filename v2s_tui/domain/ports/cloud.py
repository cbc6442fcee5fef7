"""Scaleway as stages see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from v2s_tui.domain.planning.account_access import MissingAccess
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.private_networks import PrivateNetwork, Vpc


class CloudState(StrEnum):
    """State of a Scaleway resource, reduced to what decides: the API's own word is in
    CloudResource.status.
    """

    PENDING = "pending"
    READY = "ready"
    IN_USE = "in_use"
    RUNNING = "running"
    STOPPED = "stopped"
    ERROR = "error"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class CloudResource:
    """A snapshot, volume, image, IP, private NIC, address, Private Network or Instance. size_bytes: 0 where
    it has none. zone: the region of an address or a Private Network.

    attached_to: id of the Instance or parent that uses it. address: of an IP. volumes: of an Instance in
    order.
    """

    id: str
    name: str
    state: CloudState
    status: str
    zone: str
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    created_at: datetime | None = None
    attached_to: str = ""
    address: str = ""
    commercial_type: str = ""
    volumes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    private_nics: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InstanceRequest:
    """What create_instance asks for. volume_ids in boot order; ip_ids: flexible IPs to attach."""

    zone: str
    name: str
    commercial_type: str
    volume_ids: tuple[str, ...]
    tags: tuple[str, ...]
    ip_ids: tuple[str, ...] = ()
    security_group_id: str = ""
    placement_group_id: str = ""
    cloud_init: str = ""
    admin_password_key_id: str = ""


class Cloud(Protocol):
    """Scaleway. Errors: TargetError and its kinds. Every create carries tags; find_* are by tag
    (idempotency).

    `kind` is one of: block_snapshot, volume, image, ip, instance, private_nic, address, private_network
    (EffectKind values). The last two are in a region: their `zone` may be any zone of it, or the region.
    """

    def catalogue(self, zone: str) -> Catalogue:
        """Types of the zone with prices and stock, all pages."""
        ...

    def quotas(self) -> Mapping[str, int]:
        """Quota name -> limit (-1 unlimited) for the organisation."""
        ...

    def usage(self, zone: str) -> Mapping[str, int]:
        """How many Instances of each commercial type, and `volumes`, `ips`... exist in the zone."""
        ...

    def block_storage_gb(self, zone: str) -> int:
        """GB of all Block Storage volumes in the zone."""
        ...

    def check_access(self, zone: str) -> tuple[MissingAccess, ...]:
        """Harmless calls that prove key, project and rights; returns what is missing."""
        ...

    def private_networks(self, zone: str, *, with_taken: bool = False) -> tuple[PrivateNetwork, ...]:
        """Private Networks of the project in the zone's region. with_taken: also which of their addresses
        are booked or in use.
        """
        ...

    def vpcs(self, zone: str) -> tuple[Vpc, ...]:
        """VPCs of the project in the zone's region."""
        ...

    def import_snapshot(
        self,
        zone: str,
        *,
        bucket: str,
        key: str,
        name: str,
        tags: tuple[str, ...],
        size_bytes: int | None = None,
    ) -> CloudResource: ...

    def export_snapshot(self, zone: str, *, snapshot_id: str, bucket: str, key: str) -> None:
        """Begin to write a snapshot as qcow2 into a bucket; it is pending until that has ended."""
        ...

    def create_volume(
        self, zone: str, *, snapshot_id: str, name: str, tags: tuple[str, ...], perf_iops: int
    ) -> CloudResource: ...

    def create_image(
        self,
        zone: str,
        *,
        name: str,
        root_snapshot_id: str,
        extra_snapshot_ids: tuple[str, ...],
        tags: tuple[str, ...],
    ) -> CloudResource: ...

    def create_ip(self, zone: str, *, tags: tuple[str, ...]) -> CloudResource: ...

    def create_instance(self, request: InstanceRequest) -> CloudResource:
        """A stopped Instance with its volumes in boot order and its cloud-init."""
        ...

    def set_cloud_init(self, zone: str, instance_id: str, text: str) -> None:
        """Give an Instance its cloud-init (again); for one that was adopted before it had any."""
        ...

    def create_private_network(
        self, zone: str, *, name: str, vpc: str | None, subnet: str | None, tags: tuple[str, ...]
    ) -> CloudResource:
        """In this VPC (id or name), None the default one; subnet None: Scaleway chooses."""
        ...

    def book_address(
        self, zone: str, *, private_network_id: str, address: str, tags: tuple[str, ...]
    ) -> CloudResource:
        """Reserve a fixed address of a Private Network (id or name) for a NIC."""
        ...

    def create_private_nic(
        self,
        zone: str,
        *,
        instance_id: str,
        private_network_id: str,
        address_id: str,
        tags: tuple[str, ...],
    ) -> CloudResource: ...

    def instance_action(self, zone: str, instance_id: str, action: str) -> None:
        """`poweron`, `poweroff`, `terminate`."""
        ...

    def get(self, kind: str, zone: str, resource_id: str) -> CloudResource | None:
        """The resource now; None when it does not exist. A private NIC's id is `{instance}/{nic}`."""
        ...

    def find(self, kind: str, zone: str, tag: str) -> tuple[CloudResource, ...]:
        """Resources of that kind carrying the tag; an empty tag finds everything tagged `v2s:...`."""
        ...

    def delete(self, kind: str, zone: str, resource_id: str) -> None:
        """Succeeds when it is already gone. An Instance must be stopped; its volumes are kept (detached). An
        address or a Private Network that something uses (IN_USE) is refused.
        """
        ...

    def close(self) -> None:
        """Let go of connections; never raises."""
        ...

    def monthly_prices(self, zone: str) -> Mapping[str, float]:
        """EUR per month: `block_gb`, `block_gb_15k`, `snapshot_gb`, `ipv4`, `object_gb`."""
        ...
