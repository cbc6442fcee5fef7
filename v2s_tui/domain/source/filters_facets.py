"""Counts for a filter bar: how many of the VMs shown have which value of a key."""

from collections import Counter
from collections.abc import Callable, Iterable

from v2s_tui.domain.source.filters_terms import Term
from v2s_tui.domain.source.vm import Vm

_VALUES: dict[str, Callable[[Vm], Iterable[str]]] = {
    "os": lambda vm: (vm.os_family.value,),
    "state": lambda vm: (vm.power_state.value,),
    "firmware": lambda vm: (vm.firmware.value,),
    "dc": lambda vm: (vm.datacenter,),
    "cluster": lambda vm: (vm.cluster,),
    "host": lambda vm: (vm.host,),
    "folder": lambda vm: (vm.folder,),
    "tag": lambda vm: vm.tags,
    "datastore": lambda vm: vm.datastores,
    "network": lambda vm: vm.port_groups,
    "tools": lambda vm: (vm.tools_status,),
    "snapshot": lambda vm: ("yes" if vm.snapshots else "no",),
}
FACETS = tuple(_VALUES)


def facet_counts(vms: Iterable[Vm], key: str) -> tuple[tuple[Term, int], ...]:
    """For each value of one facet the term that selects it and its number of VMs, most frequent first.

    Values that vCenter did not give are left out. Raises KeyError for a key that is no facet.
    """
    values = _VALUES[key]
    counts = Counter(value for vm in vms for value in values(vm) if value)
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return tuple((Term(key, value), count) for value, count in ranked)
