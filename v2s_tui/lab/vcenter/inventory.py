"""The objects of the inventory: what they are and which state they hold; others render how they look."""

import datetime
from collections.abc import Iterator
from typing import Any, ClassVar

from pyVmomi import vim

from v2s_tui.lab.scenarios.model import HostSpec, VmSpec


class Entity:
    """Anything with a managed object id. version grows with each change; fragments: rendered values."""

    kind: ClassVar[Any]

    def __init__(self, moid: str, *, name: str = "", parent: "Entity | None" = None) -> None:
        self.moid = moid
        self.name = name
        self.parent = parent
        self.version = 1
        self.fragments: dict[str, str | None] = {}
        self.ref = self.kind(moid)

    @property
    def subject(self) -> str:
        """The name fault rules know it by."""
        return self.name

    def denies(self, _path: str) -> bool:
        """Whether the account may not read this property."""
        return False

    def path(self) -> str:
        """Inventory path without the folders vCenter keeps to itself, `/DC1/Production/web-01`."""
        if self.parent is None:
            return ""
        own = "" if isinstance(self, Folder) and self.hidden else f"/{self.name}"
        return self.parent.path() + own


class Folder(Entity):
    """A folder. hidden: one of the four that each datacenter has (vm, host, datastore, network)."""

    kind = vim.Folder

    def __init__(
        self,
        moid: str,
        *,
        name: str,
        parent: Entity | None,
        hidden: bool = False,
        holds: str = "VirtualMachine",
    ) -> None:
        super().__init__(moid, name=name, parent=parent)
        self.children: list[Entity] = []
        self.hidden = hidden
        self.holds = holds

    def subfolder(self, name: str) -> "Folder | None":
        """The folder of that name directly in this one."""
        return next((c for c in self.children if isinstance(c, Folder) and c.name == name), None)


class Datacenter(Entity):
    """A datacenter with its four hidden folders."""

    kind = vim.Datacenter
    vm_folder: Folder
    host_folder: Folder
    datastore_folder: Folder
    network_folder: Folder

    def datastores(self) -> list["Datastore"]:
        """Its datastores, in the scenario's order."""
        return [child for child in self.datastore_folder.children if isinstance(child, Datastore)]

    def networks(self) -> list["Network"]:
        """Its networks, in the scenario's order."""
        return [child for child in self.network_folder.children if isinstance(child, Network)]


class Cluster(Entity):
    """A cluster of hosts and the one resource pool they share."""

    kind = vim.ClusterComputeResource
    pool: "ResourcePool"

    def __init__(self, moid: str, *, name: str, parent: Entity, datacenter: Datacenter) -> None:
        super().__init__(moid, name=name, parent=parent)
        self.datacenter = datacenter
        self.hosts: list[Host] = []


class Host(Entity):
    """An ESXi host. nfc_url, thumbprint: where its NFC service listens, and the certificate it shows."""

    kind = vim.HostSystem

    def __init__(self, moid: str, *, spec: HostSpec, cluster: Cluster) -> None:
        super().__init__(moid, name=spec.name, parent=cluster)
        self.spec = spec
        self.cluster = cluster
        self.vms: list[VirtualMachine] = []
        self.nfc_url = ""
        self.thumbprint = ""


class ResourcePool(Entity):
    """The root resource pool of a cluster."""

    kind = vim.ResourcePool

    def __init__(self, moid: str, *, name: str, cluster: Cluster) -> None:
        super().__init__(moid, name=name, parent=cluster)
        self.cluster = cluster


class Datastore(Entity):
    """A datastore, seen by every host of its datacenter."""

    kind = vim.Datastore

    def __init__(self, moid: str, *, name: str, parent: Entity) -> None:
        super().__init__(moid, name=name, parent=parent)
        self.vms: list[VirtualMachine] = []


class Network(Entity):
    """A port group, seen by every host of its datacenter."""

    kind = vim.Network

    def __init__(self, moid: str, *, name: str, parent: Entity) -> None:
        super().__init__(moid, name=name, parent=parent)
        self.vms: list[VirtualMachine] = []


class Snapshot(Entity):
    """A snapshot in the tree of its VM; number is its small id."""

    kind = vim.vm.Snapshot

    def __init__(self, moid: str, *, name: str, vm: "VirtualMachine", number: int) -> None:
        super().__init__(moid, name=name, parent=vm)
        self.vm = vm
        self.number = number
        self.description = ""
        self.quiesced = False
        self.created_at = datetime.datetime.now(datetime.UTC)
        self.power = vm.power
        self.above: Snapshot | None = None
        self.children: list[Snapshot] = []

    @property
    def subject(self) -> str:
        return self.vm.name


class VirtualMachine(Entity):
    """A VM: its specification, and what changes while the lab runs."""

    kind = vim.VirtualMachine

    def __init__(self, moid: str, *, spec: VmSpec, folder: Folder, host: Host) -> None:
        super().__init__(moid, name=spec.name, parent=folder)
        self.spec = spec
        self.host = host
        self.datacenter = host.cluster.datacenter
        self.power = spec.power
        self.annotation = spec.annotation
        self.change_tracking = spec.change_tracking
        self.snapshots: list[Snapshot] = []
        self.current_snapshot: Snapshot | None = None
        self.snapshots_made = 0
        self.custom_values: dict[int, str] = {}
        self.running_task: Entity | None = None
        self.open_leases: list[Entity] = []
        names = dict.fromkeys(disk.datastore for disk in spec.disks)
        self.datastores = [store for store in self.datacenter.datastores() if store.name in names]
        self.networks = {network.name: network for network in self.datacenter.networks()}
        self.connected = [self.networks[nic.network] for nic in spec.nics if nic.network in self.networks]

    def denies(self, path: str) -> bool:
        """Whether the account may not read this property or one it is part of."""
        return any(path == name or path.startswith(f"{name}.") for name in self.spec.denied)

    def all_snapshots(self) -> Iterator[Snapshot]:
        """Every snapshot of the tree, parents first."""
        waiting = list(self.snapshots)
        while waiting:
            snapshot = waiting.pop(0)
            yield snapshot
            waiting.extend(snapshot.children)

    def disk_folder(self) -> str:
        """The VM's folder on its datastores: file names there cannot hold a slash."""
        return self.name.replace("/", "_")
