"""Values of properties by path, and their XML, cached per object until it changes.

Each kind of object has a table of its properties; a deeper path is either in the table itself (the cheap
scalars every client lists ten thousand times) or reached through the value of its first part.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from pyVmomi import VmomiSupport, vmodl

from v2s_tui.lab.vcenter.inventory import Entity, VirtualMachine
from v2s_tui.lab.vcenter.soap import serialize

PropertyTable = Mapping[str, Callable[[Any], Any]]
_TABLES: dict[Any, PropertyTable] = {}


def register(kind: Any, table: PropertyTable) -> None:
    """Say which properties objects of this kind have."""
    _TABLES[kind] = table


def value_of(entity: Entity, path: str) -> Any:
    """The value at a property path; None where it is unset. Raises vSphere's InvalidProperty."""
    table = _TABLES.get(entity.kind, {})
    if path in table:
        return table[path](entity)
    first, _, rest = path.partition(".")
    if not _exists(entity.kind, first):
        raise vmodl.query.InvalidProperty(name=path, msg=f"{entity.kind.__name__} has no property {path}")
    value = table[first](entity) if first in table else None
    return _walk(value, rest, path) if rest else value


def _walk(value: Any, rest: str, path: str) -> Any:
    for name in rest.split("."):
        if value is None:
            return None
        if not hasattr(value, name):
            raise vmodl.query.InvalidProperty(name=path, msg=f"there is no property {path}")
        value = getattr(value, name)
    return value


@cache
def _exists(kind: Any, name: str) -> bool:
    try:
        kind._GetPropertyInfo(name)
    except AttributeError:
        return False
    return True


def all_properties(kind: Any) -> list[str]:
    """Every property of the kind that the lab knows, as `all: true` asks for it."""
    return [name for name in _TABLES.get(kind, {}) if "." not in name]


def fragment(entity: Entity, path: str) -> str | None:
    """`<val ...>...</val>` of the property, None where it is unset."""
    if path not in entity.fragments:
        entity.fragments[path] = _strange(entity, path) or _render(value_of(entity, path))
    return entity.fragments[path]


def _strange(entity: Entity, path: str) -> str | None:
    """A value of a type no client of today knows, where the scenario wants one."""
    value = entity.spec.strange_values.get(path) if isinstance(entity, VirtualMachine) else None
    return None if value is None else f'<val xsi:type="TypeOfTomorrow">{escape(value)}</val>'


def _render(value: Any) -> str | None:
    """Text and numbers by hand, everything else by pyVmomi's serialiser."""
    kind = type(value)
    if value is None:
        return None
    if kind is str:
        return f'<val xsi:type="xsd:string">{escape(value)}</val>'
    if kind is bool:
        return f'<val xsi:type="xsd:boolean">{"true" if value else "false"}</val>'
    if kind is int:
        return f'<val xsi:type="xsd:int">{value}</val>'
    return serialize(value, name="val")


def array(item: Any, values: list[Any]) -> Any:
    """A typed array: without its type an array inside a property has no name on the wire."""
    return _array_type(item)(values)


@cache
def _array_type(item: Any) -> Any:
    return VmomiSupport.GetVmodlType(f"{VmomiSupport.GetVmodlName(item)}[]")


def object_xml(entity: Entity) -> str:
    """`<obj type="...">...</obj>`."""
    return reference_xml("obj", entity)


def reference_xml(tag: str, entity: Entity) -> str:
    """A reference to the object as an element of that name."""
    return f'<{tag} type="{_wire_name(entity.kind)}">{entity.moid}</{tag}>'


@cache
def _wire_name(kind: Any) -> str:
    return str(VmomiSupport.GetWsdlName(kind))
