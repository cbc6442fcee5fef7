"""Selecting VMs while a filter is typed: only from the first term on that changed.

What the terms before it leave is kept, so a key at the end of a long filter looks at few VMs once.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from v2s_tui.domain.source.filters import Filter
from v2s_tui.domain.source.filters_terms import Term
from v2s_tui.domain.source.vm import Vm

Step = tuple[Term, ...]
"""Terms that hold together or not: alternatives of one key, or one negated term."""


class Narrowing:
    """The same answers as `Filter.select`, with the steps to the last one kept."""

    def __init__(self) -> None:
        self._vms: Iterable[Vm] = ()
        self._kept: list[tuple[Step, list[Vm]]] = [((), [])]

    def select(self, vms: Iterable[Vm], wanted: Filter) -> Sequence[Vm]:
        """The selected VMs in their order. What was kept counts while vms is the same object."""
        if vms is not self._vms:
            self._vms, self._kept = vms, [((), list(vms))]
        steps = _steps(wanted)
        same = takewhile(lambda pair: pair[0][0] == pair[1], zip(self._kept[1:], steps, strict=False))
        self._kept = [self._kept[0], *(kept for kept, _ in same)]
        for step in steps[len(self._kept) - 1 :]:
            self._kept.append((step, Filter(step).select(self._kept[-1][1])))
        return self._kept[-1][1]


def _steps(wanted: Filter) -> list[Step]:
    together: dict[object, list[Term]] = {}
    for term in wanted.terms:
        together.setdefault(term if term.negated else term.key, []).append(term)
    return [tuple(terms) for terms in together.values()]
