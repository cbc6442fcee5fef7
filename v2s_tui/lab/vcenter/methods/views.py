"""ViewManager: container and list views, which live as long as their session."""

from collections.abc import Iterator
from typing import Any

from pyVmomi import VmomiSupport, vim

from v2s_tui.lab.vcenter.dispatch import Call, soap_method
from v2s_tui.lab.vcenter.inventory import Cluster, Datacenter, Entity, Folder, Host, ResourcePool
from v2s_tui.lab.vcenter.rendering import array, register
from v2s_tui.lab.vcenter.sessions import SessionObject
from v2s_tui.lab.vcenter.world import World


class ContainerView(SessionObject):
    """Objects of some types below a container. kinds: empty for all types."""

    kind = vim.view.ContainerView

    def __init__(self, world: World, *, container: Entity, kinds: tuple[Any, ...], recursive: bool) -> None:
        super().__init__(world.new_id("session-view"))
        self.container, self.kinds, self.recursive = container, kinds, recursive

    def members(self) -> list[Entity]:
        """What the view shows now."""
        return [entity for entity in self._below() if not self.kinds or issubclass(entity.kind, self.kinds)]

    def _below(self) -> Iterator[Entity]:
        seen: set[str] = set()
        waiting = children_of(self.container)
        while waiting:
            entity = waiting.pop()
            if entity.moid in seen:
                continue
            seen.add(entity.moid)
            yield entity
            if self.recursive:
                waiting.extend(children_of(entity))


class ListView(SessionObject):
    """The objects a client named."""

    kind = vim.view.ListView

    def __init__(self, world: World, *, entities: list[Entity]) -> None:
        super().__init__(world.new_id("session-view"))
        self.entities = entities

    def members(self) -> list[Entity]:
        """What the view shows now."""
        return self.entities


def children_of(entity: Entity) -> list[Entity]:
    """What a container view finds directly below an object, the last one first."""
    if isinstance(entity, Folder):
        return entity.children[::-1]
    if isinstance(entity, Datacenter):
        return [entity.network_folder, entity.datastore_folder, entity.host_folder, entity.vm_folder]
    if isinstance(entity, Cluster):
        return [entity.pool, *entity.hosts[::-1]]
    if isinstance(entity, Host):
        return list(entity.vms[::-1])
    if isinstance(entity, ResourcePool):
        return [vm for host in entity.cluster.hosts for vm in host.vms]
    return []


def _keep(call: Call, view: ContainerView | ListView) -> Any:
    call.owner().objects[view.moid] = view
    return call.world.add(view).ref


@soap_method("CreateContainerView")
def create_container_view(call: Call) -> Any:
    container = call.world.find(call.argument("container"), Entity)
    kinds = tuple(call.argument("type", []))
    recursive = bool(call.argument("recursive", False))
    return _keep(call, ContainerView(call.world, container=container, kinds=kinds, recursive=recursive))


@soap_method("CreateListView")
def create_list_view(call: Call) -> Any:
    entities = [call.world.find(ref, Entity) for ref in call.argument("obj", [])]
    return _keep(call, ListView(call.world, entities=entities))


@soap_method("DestroyView")
def destroy_view(call: Call) -> None:
    view = call.target(SessionObject)
    call.owner().objects.pop(view.moid, None)
    call.world.remove(view)


def _view(view: ContainerView | ListView) -> Any:
    return array(VmomiSupport.ManagedObject, [entity.ref for entity in view.members()])


register(
    ContainerView.kind,
    {
        "view": _view,
        "container": lambda view: view.container.ref,
        "type": lambda view: array(type, list(view.kinds)),
        "recursive": lambda view: view.recursive,
    },
)
register(ListView.kind, {"view": _view})
