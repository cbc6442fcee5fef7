"""Which objects and properties a filter specification means: starting objects, traversals, property sets."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pyVmomi import vim, vmodl

from v2s_tui.lab.vcenter.inventory import Entity
from v2s_tui.lab.vcenter.rendering import all_properties, fragment, object_xml, value_of
from v2s_tui.lab.vcenter.soap import serialize
from v2s_tui.lab.vcenter.world import World

Selected = tuple[Entity, tuple[str, ...]]


def select(world: World, spec: Any) -> list[Selected]:
    """Each object a filter specification selects, once, with the properties asked of its kind.

    Raises ManagedObjectNotFound for a starting object that is gone.
    """
    found: dict[str, Entity] = {}
    for start in spec.objectSet:
        for entity in _reached(world, start):
            found.setdefault(entity.moid, entity)
    paths = _PathsByKind(spec.propSet)
    return [(entity, paths.of(entity.kind)) for entity in found.values() if paths.wants(entity.kind)]


class _PathsByKind:
    """The property paths a specification asks of each kind of object."""

    def __init__(self, property_sets: list[Any]) -> None:
        self._sets = property_sets
        self._known: dict[Any, tuple[str, ...] | None] = {}

    def wants(self, kind: Any) -> bool:
        return self._paths(kind) is not None

    def of(self, kind: Any) -> tuple[str, ...]:
        return self._paths(kind) or ()

    def _paths(self, kind: Any) -> tuple[str, ...] | None:
        if kind not in self._known:
            fitting = [wanted for wanted in self._sets if issubclass(kind, wanted.type)]
            paths = (path for wanted in fitting for path in _paths_of(wanted, kind))
            self._known[kind] = tuple(dict.fromkeys(paths)) if fitting else None
        return self._known[kind]


def _paths_of(wanted: Any, kind: Any) -> list[str]:
    return all_properties(kind) if wanted.all else list(wanted.pathSet)


def _reached(world: World, start: Any) -> Iterator[Entity]:
    """The starting object unless it is skipped, and everything its traversals lead to."""
    first = world.find(start.obj, Entity)
    if not start.skip:
        yield first
    named = dict(_named(start.selectSet))
    visited: set[tuple[str, int]] = set()
    waiting = [(first, start.selectSet)]
    while waiting:
        entity, selections = waiting.pop()
        for traversal in _traversals(selections, named):
            key = (entity.moid, id(traversal))
            if key in visited or not issubclass(entity.kind, traversal.type):
                continue
            visited.add(key)
            for child in _follow(world, entity, traversal.path):
                if not traversal.skip:
                    yield child
                waiting.append((child, traversal.selectSet))


def _named(selections: list[Any]) -> Iterator[tuple[str, Any]]:
    for selection in selections:
        if isinstance(selection, vmodl.query.PropertyCollector.TraversalSpec):
            if selection.name:
                yield selection.name, selection
            yield from _named(selection.selectSet)


def _traversals(selections: list[Any], named: dict[str, Any]) -> Iterator[Any]:
    """Traversals in place, and those a selection refers to by name."""
    for selection in selections:
        if isinstance(selection, vmodl.query.PropertyCollector.TraversalSpec):
            yield selection
        elif selection.name in named:
            yield named[selection.name]


def _follow(world: World, entity: Entity, path: str) -> Iterator[Entity]:
    value = value_of(entity, path)
    refs = value if isinstance(value, list) else [value] if value is not None else []
    for ref in refs:
        child = world.entities.get(ref._moId)
        if child is not None:
            yield child


def content_xml(entity: Entity, paths: tuple[str, ...]) -> str:
    """`<objects>` element of one object; kept until the object changes."""
    key = _cache_key(paths)
    cached = entity.fragments.get(key)
    if cached is None:
        parts = [_property_xml(entity, path) for path in paths if not entity.denies(path)]
        parts += [_missing_part(path, no_permission(entity)) for path in paths if entity.denies(path)]
        cached = f"<objects>{object_xml(entity)}{''.join(parts)}</objects>"
        entity.fragments[key] = cached
    return cached


@cache
def _cache_key(paths: tuple[str, ...]) -> str:
    return "\0".join(("", *paths))


def _property_xml(entity: Entity, path: str) -> str:
    value = fragment(entity, path)
    return "" if value is None else f"<propSet><name>{path}</name>{value}</propSet>"


def missing_xml(ref: Any, paths: list[str], fault: Any) -> str:
    """`<objects>` element of an object none of whose properties may be read."""
    parts = [_missing_part(path, fault) for path in paths]
    return f"<objects>{serialize(ref, name='obj', declared=type(ref))}{''.join(parts)}</objects>"


def _missing_part(path: str, fault: Any) -> str:
    kind = vmodl.query.PropertyCollector.MissingProperty
    return serialize(kind(path=path, fault=fault), name="missingSet", declared=kind)


def no_permission(entity: Entity) -> Any:
    """What stands in place of a property the account may not read."""
    return vim.fault.NoPermission(
        object=entity.ref, privilegeId="System.Read", msg="Permission to perform this operation was denied."
    )
