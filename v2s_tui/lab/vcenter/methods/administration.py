"""Custom attributes, rights and look-ups by name, path or UUID."""

from typing import Any

from pyVmomi import vim, vmodl

from v2s_tui.lab.vcenter.dispatch import Call, soap_method
from v2s_tui.lab.vcenter.inventory import Entity, VirtualMachine
from v2s_tui.lab.vcenter.methods.views import children_of
from v2s_tui.lab.vcenter.service_objects import field_definition


@soap_method("AddCustomFieldDef")
def add_custom_field(call: Call) -> Any:
    name = call.argument("name", "")
    if name in call.world.custom_fields.values():
        raise vim.fault.DuplicateName(
            name=name, object=call.request.this, msg=f"The name '{name}' already exists."
        )
    return field_definition(call.world.custom_field(name), name)


@soap_method("SetField")
def set_field(call: Call) -> None:
    vm = call.world.find(call.argument("entity"), VirtualMachine)
    key = int(call.argument("key"))
    if key not in call.world.custom_fields:
        raise vmodl.fault.InvalidArgument(invalidProperty="key", msg=f"There is no custom attribute {key}.")
    _set(call, vm, key, call.argument("value") or "")


@soap_method("setCustomValue")
def set_custom_value(call: Call) -> None:
    vm = call.target(VirtualMachine)
    keys = [key for key, name in call.world.custom_fields.items() if name == call.argument("key")]
    if not keys:
        raise vmodl.fault.InvalidArgument(invalidProperty="key", msg="There is no such custom attribute.")
    _set(call, vm, keys[0], call.argument("value") or "")


def _set(call: Call, vm: VirtualMachine, key: int, value: str) -> None:
    """An empty value takes the attribute off the VM."""
    vm.custom_values.pop(key, None)
    if value:
        vm.custom_values[key] = value
    call.world.touch(vm)


@soap_method("HasPrivilegeOnEntities")
def has_privilege_on_entities(call: Call) -> Any:
    privileges = call.argument("privId", [])
    denied = call.settings.denied_privileges
    kind = vim.AuthorizationManager.PrivilegeAvailability
    answers = [
        vim.AuthorizationManager.EntityPrivilege(
            entity=ref,
            privAvailability=[kind(privId=name, isGranted=name not in denied) for name in privileges],
        )
        for ref in call.argument("entity", [])
    ]
    return vim.AuthorizationManager.EntityPrivilege.Array(answers)


@soap_method("HasPrivilegeOnEntity")
def has_privilege_on_entity(call: Call) -> Any:
    denied = call.settings.denied_privileges
    return [name not in denied for name in call.argument("privId", [])]


@soap_method("FindByInventoryPath")
def find_by_inventory_path(call: Call) -> Any:
    """Walk a full path, hidden folders and all: `DC1/vm/Production/web-01`."""
    entity: Entity | None = call.world.root_folder
    for name in call.argument("inventoryPath", "").strip("/").split("/"):
        entity = _child(entity, name) if entity is not None else None
    return entity.ref if entity is not None else None


@soap_method("FindChild")
def find_child(call: Call) -> Any:
    child = _child(call.world.find(call.argument("entity"), Entity), call.argument("name", ""))
    return child.ref if child is not None else None


def _child(entity: Entity, name: str) -> Entity | None:
    return next((child for child in children_of(entity) if child.name == name), None)


@soap_method("FindAllByUuid")
def find_all_by_uuid(call: Call) -> Any:
    return vim.ManagedEntity.Array([vm.ref for vm in _by_uuid(call)])


@soap_method("FindByUuid")
def find_by_uuid(call: Call) -> Any:
    found = _by_uuid(call)
    return found[0].ref if found else None


def _by_uuid(call: Call) -> list[VirtualMachine]:
    wanted = call.argument("uuid", "").lower()
    by_instance = bool(call.argument("instanceUuid", False))
    return [
        vm
        for vm in call.world.vms()
        if wanted == (vm.spec.instance_uuid if by_instance else vm.spec.bios_uuid)
    ]
