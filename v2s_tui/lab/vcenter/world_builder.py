"""A scenario's facts into inventory objects: datacenters with their four folders, clusters, hosts, VMs."""

from collections.abc import Callable

from v2s_tui.lab.scenarios.model import Scenario, VmSpec
from v2s_tui.lab.vcenter.inventory import (
    Cluster,
    Datacenter,
    Datastore,
    Entity,
    Folder,
    Host,
    Network,
    ResourcePool,
    VirtualMachine,
)
from v2s_tui.lab.vcenter.snapshots import add_snapshot
from v2s_tui.lab.vcenter.world import World


def populate(world: World, scenario: Scenario) -> None:
    """Fill an empty world with everything the scenario has."""
    datacenters = {name: _datacenter(world, name, scenario) for name in _datacenter_names(scenario)}
    hosts = _hosts(world, scenario, datacenters)
    for spec in scenario.vms:
        _vm(world, spec, hosts[spec.host], _vm_folder(world, spec.folder, datacenters))


def _datacenter_names(scenario: Scenario) -> list[str]:
    of_vms = (vm.folder.split("/")[1] for vm in scenario.vms)
    return list(dict.fromkeys([*(host.datacenter for host in scenario.hosts), *of_vms]))


def _datacenter(world: World, name: str, scenario: Scenario) -> Datacenter:
    datacenter = Datacenter(world.new_id("datacenter"), name=name, parent=world.root_folder)
    _put(world, world.root_folder, datacenter)

    def hidden(prefix: str, folder_name: str, holds: str) -> Folder:
        moid = world.new_id(f"group-{prefix}")
        return world.add(Folder(moid, name=folder_name, parent=datacenter, hidden=True, holds=holds))

    datacenter.vm_folder = hidden("v", "vm", "VirtualMachine")
    datacenter.host_folder = hidden("h", "host", "ComputeResource")
    datacenter.datastore_folder = hidden("s", "datastore", "Datastore")
    datacenter.network_folder = hidden("n", "network", "Network")
    _fill(world, datacenter.datastore_folder, "datastore", scenario.datastores, Datastore)
    _fill(world, datacenter.network_folder, "network", scenario.networks, Network)
    return datacenter


def _fill(
    world: World, folder: Folder, prefix: str, names: tuple[str, ...], make: Callable[..., Entity]
) -> None:
    for name in names:
        _put(world, folder, make(world.new_id(prefix), name=name, parent=folder))


def _put(world: World, folder: Folder, entity: Entity) -> None:
    folder.children.append(entity)
    world.add(entity)


def _hosts(world: World, scenario: Scenario, datacenters: dict[str, Datacenter]) -> dict[str, Host]:
    clusters: dict[tuple[str, str], Cluster] = {}
    hosts = {}
    for spec in scenario.hosts:
        key = (spec.datacenter, spec.cluster)
        cluster = clusters.get(key) or _cluster(world, spec.cluster, datacenters[spec.datacenter])
        clusters[key] = cluster
        host = world.add(Host(world.new_id("host"), spec=spec, cluster=cluster))
        cluster.hosts.append(host)
        hosts[spec.name] = host
    return hosts


def _cluster(world: World, name: str, datacenter: Datacenter) -> Cluster:
    cluster = Cluster(
        world.new_id("domain-c"), name=name, parent=datacenter.host_folder, datacenter=datacenter
    )
    cluster.pool = world.add(ResourcePool(world.new_id("resgroup"), name="Resources", cluster=cluster))
    _put(world, datacenter.host_folder, cluster)
    return cluster


def _vm_folder(world: World, path: str, datacenters: dict[str, Datacenter]) -> Folder:
    _, datacenter, *names = path.split("/")
    folder = datacenters[datacenter].vm_folder
    for name in names:
        known = folder.subfolder(name)
        if known is None:
            known = Folder(world.new_id("group-v"), name=name, parent=folder)
            _put(world, folder, known)
        folder = known
    return folder


def _vm(world: World, spec: VmSpec, host: Host, folder: Folder) -> None:
    vm = VirtualMachine(world.new_id("vm"), spec=spec, folder=folder, host=host)
    vm.custom_values = {world.custom_field(name): value for name, value in spec.custom_attributes.items()}
    for name in spec.snapshots:
        add_snapshot(world, vm, name=name)
    host.vms.append(vm)
    for datastore in vm.datastores:
        datastore.vms.append(vm)
    for network in vm.connected:
        network.vms.append(vm)
    _put(world, folder, vm)
