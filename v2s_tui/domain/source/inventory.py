"""The VMs of one vCenter at one moment, and how to name one of them without doubt."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from v2s_tui.domain.source.vm import Vm


@dataclass(frozen=True)
class Inventory:
    """vms in vCenter's order, templates left out. source: `vcenter.example.com` or a file name.

    taken_at: when the listing was made (timezone aware). unreadable: one sentence per object that could not
    be read; the rest of the list is still good.
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
    def by_path(self) -> dict[str, Vm]:
        """VMs by full inventory path."""
        return {vm.path: vm for vm in self.vms}

    def find(self, name_or_path: str) -> tuple[Vm, ...]:
        """VMs that a plan's `vm_name` means: the one at that path, else all of that name (0, 1 or more)."""
        at_path = self.by_path.get(name_or_path)
        return (at_path,) if at_path else self.by_name.get(name_or_path, ())

    def unambiguous_name(self, vm: Vm) -> str:
        """The name where it is the only one, else the path."""
        return vm.name if len(self.by_name.get(vm.name, ())) == 1 else vm.path
