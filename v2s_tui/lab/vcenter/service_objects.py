"""The fixed objects every vCenter has: the service instance and what hangs on it."""

import datetime
from typing import Any

from pyVmomi import vim, vmodl

from v2s_tui.lab.vcenter.inventory import Entity
from v2s_tui.lab.vcenter.inventory_properties import about
from v2s_tui.lab.vcenter.rendering import array, register
from v2s_tui.lab.vcenter.world import World


class ServiceInstance(Entity):
    kind = vim.ServiceInstance

    def __init__(self, world: World) -> None:
        super().__init__("ServiceInstance")
        self.world = world


class PropertyCollector(Entity):
    """The collector every session starts with; each session sees filters of its own behind it."""

    kind = vmodl.query.PropertyCollector


class ViewManager(Entity):
    kind = vim.view.ViewManager


class SessionManager(Entity):
    kind = vim.SessionManager


class SearchIndex(Entity):
    kind = vim.SearchIndex


class TaskManager(Entity):
    kind = vim.TaskManager


class CustomFieldsManager(Entity):
    kind = vim.CustomFieldsManager

    def __init__(self, world: World) -> None:
        super().__init__("CustomFieldsManager")
        self.world = world


class AuthorizationManager(Entity):
    kind = vim.AuthorizationManager


def add_services(world: World) -> None:
    """Put the fixed objects into the world."""
    world.add(ServiceInstance(world))
    world.add(CustomFieldsManager(world))
    world.add(PropertyCollector("propertyCollector"))
    for cls in (ViewManager, SessionManager, SearchIndex, TaskManager, AuthorizationManager):
        world.add(cls(cls.__name__))


def service_content(world: World) -> Any:
    """What RetrieveServiceContent answers."""
    return vim.ServiceInstanceContent(
        rootFolder=world.root_folder.ref,
        propertyCollector=vmodl.query.PropertyCollector("propertyCollector"),
        viewManager=vim.view.ViewManager("ViewManager"),
        about=about(instance_uuid=world.guid),
        sessionManager=vim.SessionManager("SessionManager"),
        authorizationManager=vim.AuthorizationManager("AuthorizationManager"),
        searchIndex=vim.SearchIndex("SearchIndex"),
        taskManager=vim.TaskManager("TaskManager"),
        customFieldsManager=vim.CustomFieldsManager("CustomFieldsManager"),
    )


def field_definition(key: int, name: str) -> Any:
    """A custom attribute as CustomFieldsManager lists it."""
    return vim.CustomFieldsManager.FieldDef(
        key=key, name=name, type=str, managedObjectType=vim.VirtualMachine
    )


def _fields(manager: CustomFieldsManager) -> Any:
    definitions = [field_definition(key, name) for key, name in manager.world.custom_fields.items()]
    return array(vim.CustomFieldsManager.FieldDef, definitions)


register(
    ServiceInstance.kind,
    {
        "content": lambda instance: service_content(instance.world),
        "serverClock": lambda _: datetime.datetime.now(datetime.UTC),
    },
)
register(CustomFieldsManager.kind, {"field": _fields})
