"""PropertyCollector, watching: filters, WaitForUpdatesEx, and collectors of the client's own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vmodl

from v2s_tui.lab.vcenter.dispatch import Call, soap_method
from v2s_tui.lab.vcenter.inventory import Entity
from v2s_tui.lab.vcenter.rendering import array, fragment, object_xml, reference_xml, register
from v2s_tui.lab.vcenter.selection import select
from v2s_tui.lab.vcenter.sessions import SessionObject
from v2s_tui.lab.vcenter.soap import RawXml
from v2s_tui.lab.vcenter.world import World

_DEFAULT_COLLECTOR = "propertyCollector"
_OBJECTS_PER_ANSWER = 100  # vCenter's own limit when the client names none
_FOR_EVER_SECONDS = 24 * 3600.0


@dataclass(slots=True)
class _Reported:
    """What the client knows of an object."""

    entity: Entity
    version: int = 0
    values: dict[str, str | None] = field(default_factory=dict)


class Filter(SessionObject):
    """A filter of a collector, and what it has reported so far."""

    kind = vmodl.query.PropertyCollector.Filter

    def __init__(self, world: World, *, spec: Any, collector: "Collector") -> None:
        super().__init__(world.new_id("session-filter"))
        self.world, self.spec, self.collector = world, spec, collector
        self.reported: dict[str, _Reported] = {}

    def changes(self, limit: int) -> Iterator[str]:
        """`<objectSet>` elements of at most so many objects that are new, changed or gone."""
        selected = self._selected()
        for moid in [moid for moid in self.reported if moid not in selected]:
            yield _update_xml("leave", self.reported.pop(moid).entity, "")
        for entity, paths in selected.values():
            known = self.reported.get(entity.moid)
            if known is not None and known.version == entity.version:
                continue
            if limit <= 0:
                return
            limit -= 1
            yield from self._report(entity, paths, known)

    def _selected(self) -> dict[str, tuple[Entity, tuple[str, ...]]]:
        try:
            return {entity.moid: (entity, paths) for entity, paths in select(self.world, self.spec)}
        except vmodl.fault.ManagedObjectNotFound:
            return {}

    def _report(self, entity: Entity, paths: tuple[str, ...], known: _Reported | None) -> Iterator[str]:
        values = {path: fragment(entity, path) for path in paths if not entity.denies(path)}
        before = known.values if known else {}
        changed = {path: value for path, value in values.items() if value != before.get(path)}
        self.reported[entity.moid] = _Reported(entity, entity.version, values)
        if known is None or changed:
            changes = "".join(_change_xml(path, value) for path, value in changed.items())
            yield _update_xml("modify" if known else "enter", entity, changes)

    def end(self) -> None:
        if self in self.collector.filters:
            self.collector.filters.remove(self)


class Collector(SessionObject):
    """A property collector of one session. number: the version its last answer had."""

    kind = vmodl.query.PropertyCollector

    def __init__(self, moid: str) -> None:
        super().__init__(moid)
        self.filters: list[Filter] = []
        self.number = 0
        self.cancelled = False

    def updates_xml(self, limit: int) -> str:
        """`<filterSet>` elements with what changed, and whether more is waiting; empty when nothing did."""
        sets, left = [], limit
        for watching in self.filters:
            changes = list(watching.changes(left))
            left -= len(changes)
            if changes:
                filter_xml = reference_xml("filter", watching)
                sets.append(f"<filterSet>{filter_xml}{''.join(changes)}</filterSet>")
        if not sets:
            return ""
        self.number += 1
        truncated = "true" if left <= 0 else "false"
        return f"<version>{self.number}</version>{''.join(sets)}<truncated>{truncated}</truncated>"


register(Collector.kind, {"filter": lambda collector: array(Filter.kind, [f.ref for f in collector.filters])})
register(Filter.kind, {"spec": lambda watching: watching.spec, "partialUpdates": lambda _: False})


def _update_xml(kind: str, entity: Entity, changes: str) -> str:
    return f"<objectSet><kind>{kind}</kind>{object_xml(entity)}{changes}</objectSet>"


def _change_xml(path: str, value: str | None) -> str:
    if value is None:
        return f"<changeSet><name>{path}</name><op>indirectRemove</op></changeSet>"
    return f"<changeSet><name>{path}</name><op>assign</op>{value}</changeSet>"


def _collector(call: Call) -> Collector:
    """The collector called on; behind the common one each session has its own."""
    if call.request.this._moId != _DEFAULT_COLLECTOR:
        return call.target(Collector)
    owned = call.owner().objects.setdefault(_DEFAULT_COLLECTOR, Collector(_DEFAULT_COLLECTOR))
    if not isinstance(owned, Collector):
        raise TypeError("the session's own collector is of another kind")
    return owned


@soap_method("CreatePropertyCollector")
def create_property_collector(call: Call) -> Any:
    collector = call.world.add(Collector(call.world.new_id("session-collector")))
    call.owner().objects[collector.moid] = collector
    return collector.ref


@soap_method("DestroyPropertyCollector")
def destroy_property_collector(call: Call) -> None:
    collector = call.target(Collector)
    for watching in list(collector.filters):
        _forget(call, watching)
    _forget(call, collector)


@soap_method("CreateFilter")
def create_filter(call: Call) -> Any:
    collector = _collector(call)
    watching = call.world.add(Filter(call.world, spec=call.argument("spec"), collector=collector))
    collector.filters.append(watching)
    call.owner().objects[watching.moid] = watching
    return watching.ref


@soap_method("DestroyPropertyFilter")
def destroy_property_filter(call: Call) -> None:
    watching = call.target(Filter)
    watching.end()
    _forget(call, watching)


def _forget(call: Call, owned: SessionObject) -> None:
    call.owner().objects.pop(owned.moid, None)
    call.world.remove(owned)


@soap_method("CancelWaitForUpdates")
def cancel_wait_for_updates(call: Call) -> None:
    _collector(call).cancelled = True
    call.world.changed.notify_all()


@soap_method("WaitForUpdatesEx")
def wait_for_updates_ex(call: Call) -> RawXml:
    options = call.argument("options")
    given = options.maxWaitSeconds if options else None
    limit = (options.maxObjectUpdates if options else None) or _OBJECTS_PER_ANSWER
    return _wait(call, seconds=_FOR_EVER_SECONDS if given is None else given, limit=limit)


@soap_method("WaitForUpdates")
def wait_for_updates(call: Call) -> RawXml:
    return _wait(call, seconds=_FOR_EVER_SECONDS, limit=1 << 30)


@soap_method("CheckForUpdates")
def check_for_updates(call: Call) -> RawXml:
    return _wait(call, seconds=0.0, limit=1 << 30)


def _wait(call: Call, *, seconds: float, limit: int) -> RawXml:
    """Wait for changes; an empty answer once the time is over."""
    collector = _collector(call)
    _check_version(collector, call.argument("version") or "")
    deadline = time.monotonic() + seconds
    while True:
        updates = collector.updates_xml(limit)
        if updates:
            return RawXml(f"<returnval>{updates}</returnval>")
        left = deadline - time.monotonic()
        if left <= 0 or call.world.stopping:
            return RawXml("")
        call.world.changed.wait(left)
        _check_still_wanted(call, collector)


def _check_version(collector: Collector, version: str) -> None:
    """An empty version starts from the beginning; any other must be the last one given out."""
    if not version:
        for watching in collector.filters:
            watching.reported.clear()
    elif version != str(collector.number):
        raise vmodl.query.InvalidCollectorVersion(msg=f"version {version} is not the last one")


def _check_still_wanted(call: Call, collector: Collector) -> None:
    if collector.cancelled:
        collector.cancelled = False
        raise vmodl.fault.RequestCanceled(msg="The wait was cancelled.")
    owner = call.owner()
    if call.sessions.find(owner.cookie) is None:
        raise vmodl.fault.ManagedObjectNotFound(obj=collector.ref, msg="The session has ended.")
