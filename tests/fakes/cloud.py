"""A Scaleway project in memory. Whatever is created is pending at first and ready after `polls` looks."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fakes.objects import FakeObjects
from fakes.source import MADE_AT
from fakes.world import World
from v2s_tui.domain.errors import ImportRefused, NotFound, TargetError
from v2s_tui.domain.planning.account_access import MissingAccess
from v2s_tui.domain.ports import CloudResource, CloudState, InstanceRequest
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType, Stock
from v2s_tui.domain.target.private_networks import PrivateNetwork, Vpc
from v2s_tui.domain.units import GB


def small_catalogue(zone: str = "fr-par-1") -> Catalogue:
    """Two sizes for Linux and one for Windows, in stock."""
    sizes = (
        ("PRO2-XXS", 2, 8, 0.055, False),
        ("PRO2-XS", 4, 16, 0.11, False),
        ("POP2-2C-8G-WIN", 2, 8, 0.18, True),
    )
    types = tuple(
        InstanceType(
            name, name.split("-")[0], cpus, memory * 2**30, price, windows=windows, stock=Stock.AVAILABLE
        )
        for name, cpus, memory, price, windows in sizes
    )
    return Catalogue(zone, types, "api", MADE_AT.date())


@dataclass
class FakeCloud:
    """resources: by (kind, id). catalogue_of: what `catalogue` answers for any zone. limits: quotas by name.
    missing: what the key may not do.
    """

    world: World
    objects: FakeObjects
    catalogue_of: Catalogue = field(default_factory=small_catalogue)
    polls: int = 1
    networks: tuple[PrivateNetwork, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)
    missing: tuple[MissingAccess, ...] = ()
    resources: dict[tuple[str, str], CloudResource] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    cloud_inits: dict[str, str] = field(default_factory=dict)
    _looks: dict[str, int] = field(default_factory=dict)

    def catalogue(self, zone: str) -> Catalogue:
        """As given."""
        self.world.enter("catalogue", zone)
        return self.catalogue_of

    def quotas(self) -> Mapping[str, int]:
        """As given."""
        self.world.enter("quotas", "")
        return self.limits

    def private_networks(self, zone: str, *, with_taken: bool = False) -> tuple[PrivateNetwork, ...]:
        """As given."""
        return self.networks

    def vpcs(self, zone: str) -> tuple[Vpc, ...]:
        """The default one."""
        return (Vpc("vpc-default", "default", default=True),)

    def create_private_network(
        self, zone: str, *, name: str, vpc: str | None, subnet: str | None, tags: tuple[str, ...]
    ) -> CloudResource:
        """Empty."""
        self.world.enter("create_private_network", name)
        return self._make("private_network", zone, name, tags, state=CloudState.READY)

    def usage(self, zone: str) -> Mapping[str, int]:
        """Instances by type."""
        return Counter(
            each.commercial_type for (kind, _), each in self.resources.items() if kind == "instance"
        )

    def block_storage_gb(self, zone: str) -> int:
        """Of the volumes."""
        return sum(each.size_bytes for (kind, _), each in self.resources.items() if kind == "volume") // GB

    def check_access(self, zone: str) -> tuple[MissingAccess, ...]:
        """As given."""
        self.world.enter("check_access", zone)
        return self.missing

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
        """Refused when there is no object."""
        self.world.enter("import_snapshot", name)
        stored = self.objects.objects.get((bucket, key))
        if stored is None:
            raise ImportRefused(f"there is no object {key}")
        virtual_size = int(self.objects.contents[bucket, key].split()[-1])
        made = self._make("block_snapshot", zone, name, tags, size_bytes=size_bytes or virtual_size)
        self.imported[made.id] = (bucket, key)
        return made

    def export_snapshot(self, zone: str, *, snapshot_id: str, bucket: str, key: str) -> None:
        """What was imported, byte for byte."""
        self.world.enter("export_snapshot", key)
        self._require_ready("block_snapshot", snapshot_id)
        source = self.imported[snapshot_id]
        self.objects.objects[bucket, key] = self.objects.objects[source]
        self.objects.contents[bucket, key] = self.objects.contents[source]

    def create_volume(
        self, zone: str, *, snapshot_id: str, name: str, tags: tuple[str, ...], perf_iops: int
    ) -> CloudResource:
        """From a snapshot that is ready."""
        self.world.enter("create_volume", name)
        self._require_ready("block_snapshot", snapshot_id)
        size_bytes = self.resources["block_snapshot", snapshot_id].size_bytes
        return self._make("volume", zone, name, tags, size_bytes=size_bytes)

    def create_image(
        self,
        zone: str,
        *,
        name: str,
        root_snapshot_id: str,
        extra_snapshot_ids: tuple[str, ...],
        tags: tuple[str, ...],
    ) -> CloudResource:
        """From snapshots that are ready."""
        self.world.enter("create_image", name)
        for each in (root_snapshot_id, *extra_snapshot_ids):
            self._require_ready("block_snapshot", each)
        return self._make("image", zone, name, tags, volumes=(root_snapshot_id, *extra_snapshot_ids))

    def create_ip(self, zone: str, *, tags: tuple[str, ...]) -> CloudResource:
        """Some address."""
        self.world.enter("create_ip", " ".join(tags))
        return self._make("ip", zone, "ip", tags, address=f"192.0.2.{len(self.resources) % 250 + 1}")

    def create_instance(self, request: InstanceRequest) -> CloudResource:
        """Stopped at first."""
        self.world.enter("create_instance", request.name)
        made = self._make(
            "instance",
            request.zone,
            request.name,
            request.tags,
            state=CloudState.STOPPED,
            commercial_type=request.commercial_type,
            volumes=request.volume_ids,
            addresses=tuple(self.resources["ip", each].address for each in request.ip_ids),
        )
        with self.world.lock:
            for volume in request.volume_ids:
                self._change("volume", volume, attached_to=made.id, state=CloudState.IN_USE)
            for ip in request.ip_ids:
                self._change("ip", ip, attached_to=made.id)
        return made

    def set_cloud_init(self, zone: str, instance_id: str, text: str) -> None:
        """Keep it."""
        self.world.enter("set_cloud_init", instance_id)
        self.cloud_inits[instance_id] = text

    def book_address(
        self, zone: str, *, private_network_id: str, address: str, tags: tuple[str, ...]
    ) -> CloudResource:
        """At once."""
        self.world.enter("book_address", address)
        return self._make("address", zone, address, tags, state=CloudState.READY, address=address)

    def create_private_nic(
        self,
        zone: str,
        *,
        instance_id: str,
        private_network_id: str,
        address_id: str,
        tags: tuple[str, ...],
    ) -> CloudResource:
        """On an Instance, once on each network."""
        self.world.enter("create_private_nic", instance_id)
        if private_network_id in {
            n.name for n in self.of_kind("private_nic") if n.attached_to == instance_id
        }:
            raise TargetError(f"{instance_id} is on {private_network_id} already", status=412)
        made = self._make("private_nic", zone, private_network_id, tags, attached_to=instance_id)
        if address_id:
            self._change("address", address_id, attached_to=made.id, state=CloudState.IN_USE)
        return made

    def instance_action(self, zone: str, instance_id: str, action: str) -> None:
        """At once."""
        self.world.enter("instance_action", f"{instance_id} {action}")
        with self.world.lock:
            if action == "terminate":
                self.resources.pop(("instance", instance_id), None)
                return
            state = CloudState.RUNNING if action == "poweron" else CloudState.STOPPED
            self._change("instance", instance_id, state=state, status=state.value)

    def get(self, kind: str, zone: str, resource_id: str) -> CloudResource | None:
        """Ready after enough looks."""
        self.world.enter("get", resource_id)
        with self.world.lock:
            found = self.resources.get((kind, resource_id))
            if found is None or not _is_in(found, zone):
                return None
            self._looks[resource_id] = self._looks.get(resource_id, 0) + 1
            if found.state is CloudState.PENDING and self._looks[resource_id] >= self.polls:
                self._change(kind, resource_id, state=CloudState.READY, status="available")
            if kind == "private_network" and self._joined(resource_id):
                return replace(found, state=CloudState.IN_USE, detail="1 addresses in use")
            return self.resources[kind, resource_id]

    def _joined(self, network_id: str) -> bool:
        """NICs are named by their network."""
        return any(each.name == network_id for each in self.of_kind("private_nic"))

    def find(self, kind: str, zone: str, tag: str) -> tuple[CloudResource, ...]:
        """By tag; a region finds what is in its zones."""
        self.world.enter("find", f"{kind} {tag}")
        with self.world.lock:
            return tuple(
                each
                for (its_kind, _), each in self.resources.items()
                if its_kind == kind
                and (tag in each.tags or (not tag and _is_ours(each)))
                and _is_in(each, zone)
            )

    def delete(self, kind: str, zone: str, resource_id: str) -> None:
        """Refused for a running Instance, and for what an Instance or an image uses."""
        self.world.enter("delete", resource_id)
        with self.world.lock:
            found = self.resources.get((kind, resource_id))
            users = self.of_kind("image" if kind == "block_snapshot" else "instance")
            if kind in {"block_snapshot", "volume"} and any(resource_id in each.volumes for each in users):
                raise TargetError("resource is still in use", status=412)
            if kind == "private_network" and self._joined(resource_id):
                raise TargetError("resource is still in use", status=412)
            if found is not None and kind == "instance" and found.state is CloudState.RUNNING:
                raise TargetError(f"{found.name} is running", status=400)
            nics = [key for key, each in self.resources.items() if _nic_of(key, each, resource_id)]
            for gone in ((kind, resource_id), *nics):
                self.resources.pop(gone, None)
                for used in [key for key, each in self.resources.items() if each.attached_to == gone[1]]:
                    if used not in nics:
                        self._change(*used, attached_to="", state=CloudState.READY)
        self.world.leave("delete", resource_id)

    def monthly_prices(self, zone: str) -> Mapping[str, float]:
        """Round figures."""
        return {"block_gb": 0.1, "block_gb_15k": 0.15, "snapshot_gb": 0.05, "ipv4": 3.0, "object_gb": 0.02}

    def of_kind(self, kind: str) -> list[CloudResource]:
        """What exists of a kind."""
        return [each for (its_kind, _), each in self.resources.items() if its_kind == kind]

    def _make(
        self,
        kind: str,
        zone: str,
        name: str,
        tags: tuple[str, ...],
        *,
        state: CloudState = CloudState.PENDING,
        **more: object,
    ) -> CloudResource:
        made = CloudResource(
            self.world.new_id(kind),
            name,
            state,
            "creating",
            zone,
            tags=tags,
            created_at=MADE_AT,
            **more,  # type: ignore[arg-type]
        )
        with self.world.lock:
            self.resources[kind, made.id] = made
            self.created[kind] += 1
        makers = {"block_snapshot": "import_snapshot", "address": "book_address"}
        self.world.leave(makers.get(kind, f"create_{kind}"), name)
        return made

    def _change(self, kind: str, resource_id: str, **changes: object) -> None:
        found = self.resources.get((kind, resource_id))
        if found is None:
            raise NotFound(f"{kind} {resource_id} does not exist")
        self.resources[kind, resource_id] = replace(found, **changes)  # type: ignore[arg-type]

    def _require_ready(self, kind: str, resource_id: str) -> None:
        found = self.resources.get((kind, resource_id))
        if found is None:
            raise NotFound(f"{kind} {resource_id} does not exist")
        if found.state is CloudState.PENDING:
            raise TargetError(f"{found.name} is not ready", status=412)


def _nic_of(key: tuple[str, str], nic: CloudResource, instance_id: str) -> bool:
    """A NIC goes with its Instance."""
    return key[0] == "private_nic" and nic.attached_to == instance_id


def _is_in(resource: CloudResource, place: str) -> bool:
    """A zone, or the region of it."""
    return resource.zone.startswith(place) or place.startswith(resource.zone)


def _is_ours(resource: CloudResource) -> bool:
    return any(tag.startswith("v2s:") for tag in resource.tags)
