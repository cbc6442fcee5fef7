"""The VMs of one vCenter at one moment, and how to name one of them without doubt."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from v2s_tui.domain.source.vm import Vm


@dataclass(frozen=True)
class Inventory:
    """vms in vCenter's order, templates and vSphere's own VMs left out.

    source: `vcenter.example.com` or a file name. taken_at: when the listing was made (timezone
    aware). unreadable: one sentence per object that could not be read; the rest of the list is still good.
    """

    vms: tuple[Vm, ...]
    source: str
    taken_at: datetime
    unreadable: tuple[str, ...] = field(default=())

    def __iter__(self) -> Iterator[Vm]:
        return iter(self.vms)

    def __len__(self) -> int:
        return len(self.vms)

    @cached_property
    def by_name(self) -> dict[str, tuple[Vm, ...]]:
        """VMs by name; more than one where names repeat in different folders."""
        found: dict[str, list[Vm]] = {}
        for vm in self.vms:
            found.setdefault(vm.name, []).append(vm)
        return {name: tuple(vms) for name, vms in found.items()}

    @cached_property
    def by_path(self) -> dict[str, tuple[Vm, ...]]:
        """VMs by full inventory path; more than one where their folders could not be read."""
        found: dict[str, list[Vm]] = {}
        for vm in self.vms:
            found.setdefault(vm.path, []).append(vm)
        return {path: tuple(vms) for path, vms in found.items()}

    @cached_property
    def _by_path_and_id(self) -> dict[str, tuple[Vm, ...]]:
        return {_path_and_id(vm): (vm,) for vms in self.by_path.values() if len(vms) > 1 for vm in vms}

    def find(self, name_or_path: str) -> tuple[Vm, ...]:
        """VMs that a plan's `vm_name` means: those at that path, else all of that name (0, 1 or more)."""
        for known in (self.by_path, self.by_name, self._by_path_and_id):
            if name_or_path in known:
                return known[name_or_path]
        return ()

    def unambiguous_name(self, vm: Vm) -> str:
        """The name where it is the only one, else the path, with the id where that is not the only one."""
        if len(self.by_name.get(vm.name, ())) == 1:
            return vm.name
        return _path_and_id(vm) if len(self.by_path.get(vm.path, ())) > 1 else vm.path


def _path_and_id(vm: Vm) -> str:
    return f"{vm.path} ({vm.moref or vm.instance_uuid})"
