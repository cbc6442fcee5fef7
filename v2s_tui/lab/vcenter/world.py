"""The state of the lab's vCenter behind one lock, and the condition that wakes those who wait."""

import itertools
import threading
from collections import Counter
from typing import Any, TypeVar

from pyVmomi import vmodl

from v2s_tui.lab.scenarios.model import Scenario
from v2s_tui.lab.vcenter.clock import Clock
from v2s_tui.lab.vcenter.inventory import Entity, Folder, VirtualMachine

AnyEntity = TypeVar("AnyEntity", bound=Entity)


class World:
    """All objects by managed object id. Hold `lock` to read or change anything."""

    def __init__(self, scenario: Scenario, *, clock: Clock, guid: str) -> None:
        self.scenario = scenario
        self.clock = clock
        self.guid = guid
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.entities: dict[str, Entity] = {}
        self.root_folder = Folder("group-d1", name="Datacenters", parent=None, holds="Datacenter")
        self.custom_fields: dict[int, str] = {}
        self.requests: Counter[str] = Counter()
        self.stopping = False
        self._versions = itertools.count(2)
        self._numbers: dict[str, itertools.count[int]] = {}
        self.add(self.root_folder)

    def new_id(self, prefix: str) -> str:
        """A fresh managed object id, `vm-1001`."""
        with self.lock:
            return f"{prefix}-{next(self._numbers.setdefault(prefix, itertools.count(1001)))}"

    def add(self, entity: AnyEntity) -> AnyEntity:
        """Make the object known, and tell those who wait."""
        with self.changed:
            self.entities[entity.moid] = entity
            self.touch(entity)
        return entity

    def remove(self, entity: Entity) -> None:
        """Forget the object."""
        with self.changed:
            self.entities.pop(entity.moid, None)
            self.changed.notify_all()

    def touch(self, entity: Entity) -> None:
        """Note that the object changed: cached values are void, waiting collectors look again."""
        with self.changed:
            entity.version = next(self._versions)
            entity.fragments.clear()
            self.changed.notify_all()

    def find(self, ref: Any, kind: type[AnyEntity]) -> AnyEntity:
        """The object a reference names. Raises vSphere's ManagedObjectNotFound."""
        entity = self.entities.get(ref._moId)
        if not isinstance(entity, kind):
            raise vmodl.fault.ManagedObjectNotFound(
                obj=ref, msg=f"{ref._moId} is deleted or was never created"
            )
        return entity

    def vms(self) -> list[VirtualMachine]:
        """Every VM, in order of creation."""
        return [entity for entity in self.entities.values() if isinstance(entity, VirtualMachine)]

    def custom_field(self, name: str) -> int:
        """Key of the custom attribute, made when it is new."""
        for key, known in self.custom_fields.items():
            if known == name:
                return key
        key = 101 + len(self.custom_fields)
        self.custom_fields[key] = name
        return key
