"""Where VMs live: hosts, clusters, datacentres, folders, datastores, networks, pools, joined by moref.

Never asked per VM: one read of names and parents, and paths are walked here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from v2s_tui.adapters.vsphere.answer import ObjectContent
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.values import Ref, Value, decoded_name, items_of, moref_of, text_of

_NAMED = ("name", "parent")
PROPERTIES = {
    "Folder": _NAMED,
    "Datacenter": _NAMED,
    "ComputeResource": _NAMED,
    "ClusterComputeResource": _NAMED,
    "HostSystem": _NAMED,
    "ResourcePool": _NAMED,
    "VirtualApp": (*_NAMED, "parentFolder", "vm"),
    "Datastore": ("name",),
    "Network": ("name",),
    "DistributedVirtualPortgroup": ("name", "key"),
    "OpaqueNetwork": ("name",),
}
KINDS = tuple(PROPERTIES)
_ROOT_NAME = "Datacenters"
_LONGEST_PATH = 64


@dataclass(frozen=True, slots=True)
class Place:
    """An object that VMs are joined to. parent: moref, "" at the root or where the account may not look."""

    kind: str
    name: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A VM's folder: normalised path and the datacentre it is in."""

    path: str
    datacenter: str


@dataclass
class Places:
    """All places of a vCenter by moref. port_groups: distributed port group key -> name. app_of: VM moref ->
    moref of the vApp it is in.
    """

    by_moref: dict[str, Place] = field(default_factory=dict)
    port_groups: dict[str, str] = field(default_factory=dict)
    app_of: dict[str, str] = field(default_factory=dict)
    _folders: dict[str, Folder] = field(default_factory=dict)

    def name(self, moref: str) -> str:
        """Name of an object, "" when it is unknown."""
        place = self.by_moref.get(moref)
        return place.name if place else ""

    def cluster_of_host(self, host_moref: str) -> str:
        """Name of the host's cluster; "" for a host outside one."""
        host = self.by_moref.get(host_moref)
        parent = self.by_moref.get(host.parent) if host else None
        return parent.name if parent and parent.kind == "ClusterComputeResource" else ""

    def folder_of_vm(self, vm_moref: str, parent_moref: str) -> Folder:
        """Folder of a VM; one inside a vApp has no parent and lives where its vApp does."""
        start = parent_moref or self.app_of.get(vm_moref, "")
        if start not in self._folders:
            self._folders[start] = self._walk(start)
        return self._folders[start]

    def _walk(self, moref: str) -> Folder:
        """The path from the root. Left out: the root folder, and each datacentre's own `vm` folder."""
        names: list[str] = []
        datacenter = ""
        for _ in range(_LONGEST_PATH):
            place = self.by_moref.get(moref)
            if place is None:
                break
            above = self.by_moref.get(place.parent)
            if place.kind == "Datacenter":
                datacenter = datacenter or place.name
            if not self._is_invisible(place, above):
                names.append(place.name)
            moref = place.parent
        return Folder("".join(f"/{name}" for name in reversed(names)), datacenter)

    @staticmethod
    def _is_invisible(place: Place, above: Place | None) -> bool:
        if place.kind != "Folder":
            return False
        return (above is not None and above.kind == "Datacenter") or (
            not place.parent and place.name in (_ROOT_NAME, "ha-folder-root")
        )


def read_places(retriever: Retriever) -> Places:
    """Read all places now. Raises VimFault, SourceUnreachable, SourceError."""
    with retriever.view(KINDS) as view:
        found = [item for page in retriever.through_view(view, PROPERTIES) for item in page]
    return join(found, root=str(retriever.root_moref))


def join(found: Iterable[ObjectContent], *, root: str = "") -> Places:
    """The places of these objects. root: moref of the root folder (a view does not contain it)."""
    places = Places()
    if root:
        places.by_moref[root] = Place("Folder", _ROOT_NAME)
    for item in found:
        places.by_moref[item.ref.id] = _place(item.ref, item.props)
        if key := text_of(item.props.get("key")):
            places.port_groups[key] = places.by_moref[item.ref.id].name
        for vm in items_of(item.props.get("vm")):
            places.app_of[moref_of(vm)] = item.ref.id
    return places


def _place(ref: Ref, props: Mapping[str, Value]) -> Place:
    parent = moref_of(props.get("parentFolder")) or moref_of(props.get("parent"))
    return Place(ref.kind, decoded_name(text_of(props.get("name"))) or ref.id, parent)
