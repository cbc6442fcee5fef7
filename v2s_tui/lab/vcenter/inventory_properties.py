"""How folders, datacenters, clusters, hosts, resource pools, datastores and networks look."""

import uuid
from typing import Any

from pyVmomi import vim

from v2s_tui.lab.vcenter.inventory import (
    Cluster,
    Datacenter,
    Datastore,
    Entity,
    Folder,
    Host,
    Network,
    ResourcePool,
)
from v2s_tui.lab.vcenter.rendering import PropertyTable, array, register

_GIB = 1 << 30
_DATASTORE_BYTES = 4096 * _GIB
_HOST_MEMORY_BYTES = 256 * _GIB

_COMMON: PropertyTable = {
    "name": lambda entity: entity.name,
    "parent": lambda entity: entity.parent.ref if entity.parent else None,
    "overallStatus": lambda _: vim.ManagedEntity.Status("green"),
    "customValue": lambda _: array(vim.CustomFieldsManager.Value, []),
}


def _host_summary(host: Host) -> Any:
    hardware = vim.host.Summary.HardwareSummary(
        vendor="v2s",
        model="lab host",
        uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, host.name)),
        memorySize=_HOST_MEMORY_BYTES,
        cpuModel="lab CPU",
        cpuMhz=2600,
        numCpuPkgs=2,
        numCpuCores=32,
        numCpuThreads=64,
        numNics=4,
        numHBAs=2,
    )
    return vim.host.Summary(
        host=host.ref,
        hardware=hardware,
        runtime=_host_runtime(host),
        config=vim.host.Summary.ConfigSummary(
            name=host.name, port=443, sslThumbprint=host.thumbprint, product=about(kind="HostAgent")
        ),
        quickStats=vim.host.Summary.QuickStats(overallCpuUsage=4200, overallMemoryUsage=98304),
        overallStatus="green",
    )


def _host_runtime(_host: Host) -> Any:
    return vim.host.RuntimeInfo(
        connectionState="connected", powerState="poweredOn", inMaintenanceMode=False, inQuarantineMode=False
    )


def about(*, kind: str = "VirtualCenter", instance_uuid: str | None = None) -> Any:
    """Product and version. kind: VirtualCenter or HostAgent."""
    name = "VMware vCenter Server" if kind == "VirtualCenter" else "VMware ESXi"
    return vim.AboutInfo(
        name=name,
        fullName=f"{name} 8.0.3 build-24022515 (v2s lab)",
        vendor="VMware, Inc.",
        version="8.0.3",
        build="24022515",
        osType="linux-x64" if kind == "VirtualCenter" else "vmnix-x86",
        productLineId="vpx" if kind == "VirtualCenter" else "embeddedEsx",
        apiType=kind,
        apiVersion="8.0.3.0",
        instanceUuid=instance_uuid,
        licenseProductName=name,
        licenseProductVersion="8.0",
    )


def _datastore_summary(datastore: Datastore) -> Any:
    used = sum(disk.size_bytes for vm in datastore.vms for disk in vm.spec.disks) // 4
    return vim.Datastore.Summary(
        datastore=datastore.ref,
        name=datastore.name,
        url=f"ds:///vmfs/volumes/{datastore.moid}/",
        capacity=_DATASTORE_BYTES,
        freeSpace=max(0, _DATASTORE_BYTES - used),
        accessible=True,
        multipleHostAccess=True,
        type="VMFS",
        maintenanceMode="normal",
    )


def _datacenter_of(entity: Entity) -> Datacenter:
    while not isinstance(entity, Datacenter):
        if entity.parent is None:
            raise LookupError(f"{entity.moid} is in no datacenter")
        entity = entity.parent
    return entity


def _hosts_of(entity: Entity) -> list[Host]:
    clusters = _datacenter_of(entity).host_folder.children
    return [host for cluster in clusters if isinstance(cluster, Cluster) for host in cluster.hosts]


def _refs(kind: Any, entities: list[Any]) -> Any:
    return array(kind, [entity.ref for entity in entities])


def _mounts(datastore: Datastore) -> Any:
    mounts = [
        vim.Datastore.HostMount(
            key=host.ref, mountInfo=vim.host.MountInfo(accessMode="readWrite", mounted=True)
        )
        for host in _hosts_of(datastore)
    ]
    return array(vim.Datastore.HostMount, mounts)


def _cluster_summary(cluster: Cluster) -> Any:
    hosts = len(cluster.hosts)
    return vim.ClusterComputeResource.Summary(
        totalCpu=83200 * hosts,
        totalMemory=_HOST_MEMORY_BYTES * hosts,
        numCpuCores=32 * hosts,
        numCpuThreads=64 * hosts,
        effectiveCpu=80000 * hosts,
        effectiveMemory=_HOST_MEMORY_BYTES // (1 << 20) * hosts,
        numHosts=hosts,
        numEffectiveHosts=hosts,
        overallStatus="green",
    )


_FOLDER: PropertyTable = {
    **_COMMON,
    "childEntity": lambda folder: _refs(vim.ManagedEntity, folder.children),
    "childType": lambda folder: array(str, ["Folder", folder.holds]),
}
_DATACENTER: PropertyTable = {
    **_COMMON,
    "vmFolder": lambda dc: dc.vm_folder.ref,
    "hostFolder": lambda dc: dc.host_folder.ref,
    "datastoreFolder": lambda dc: dc.datastore_folder.ref,
    "networkFolder": lambda dc: dc.network_folder.ref,
    "datastore": lambda dc: _refs(vim.Datastore, dc.datastores()),
    "network": lambda dc: _refs(vim.Network, dc.networks()),
}
_CLUSTER: PropertyTable = {
    **_COMMON,
    "host": lambda cluster: _refs(vim.HostSystem, cluster.hosts),
    "resourcePool": lambda cluster: cluster.pool.ref,
    "datastore": lambda cluster: _refs(vim.Datastore, cluster.datacenter.datastores()),
    "network": lambda cluster: _refs(vim.Network, cluster.datacenter.networks()),
    "summary": _cluster_summary,
}
_HOST: PropertyTable = {
    **_COMMON,
    "summary": _host_summary,
    "runtime": _host_runtime,
    "runtime.connectionState": lambda _: vim.HostSystem.ConnectionState("connected"),
    "vm": lambda host: _refs(vim.VirtualMachine, host.vms),
    "datastore": lambda host: _refs(vim.Datastore, host.cluster.datacenter.datastores()),
    "network": lambda host: _refs(vim.Network, host.cluster.datacenter.networks()),
}
_POOL: PropertyTable = {
    **_COMMON,
    "owner": lambda pool: pool.cluster.ref,
    "vm": lambda pool: _refs(vim.VirtualMachine, [vm for host in pool.cluster.hosts for vm in host.vms]),
    "resourcePool": lambda _: array(vim.ResourcePool, []),
}
_DATASTORE: PropertyTable = {
    **_COMMON,
    "summary": _datastore_summary,
    "host": _mounts,
    "vm": lambda datastore: _refs(vim.VirtualMachine, datastore.vms),
}
_NETWORK: PropertyTable = {
    **_COMMON,
    "summary": lambda network: vim.Network.Summary(
        network=network.ref, name=network.name, accessible=True, ipPoolName=""
    ),
    "host": lambda network: _refs(vim.HostSystem, _hosts_of(network)),
    "vm": lambda network: _refs(vim.VirtualMachine, network.vms),
}

for _kind, _table in (
    (Folder, _FOLDER),
    (Datacenter, _DATACENTER),
    (Cluster, _CLUSTER),
    (Host, _HOST),
    (ResourcePool, _POOL),
    (Datastore, _DATASTORE),
    (Network, _NETWORK),
):
    register(_kind.kind, _table)
