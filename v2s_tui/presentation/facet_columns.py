"""The facets of an inventory as rows of a narrow table: values with their counts, folders as a tree.

A count tells how many VMs a click would show: those that pass the filter without the facet's own terms.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from v2s_tui.domain.source.filters import Filter
from v2s_tui.domain.source.filters_facets import facet_counts
from v2s_tui.domain.source.filters_terms import Term
from v2s_tui.domain.source.vm import Vm
from v2s_tui.presentation.columns import Column

FACET_TITLES = {
    "os": "OS", "state": "Power", "cluster": "Cluster", "folder": "Folder", "tag": "Tags",
    "firmware": "Firmware", "snapshot": "Snapshots", "tools": "Tools",
}  # fmt: skip
MOST_VALUES = 40
"""Of one facet; the rarest are left out and counted in a last row."""


@dataclass(frozen=True, slots=True)
class FacetRow:
    """A value, or a heading (term is None). chosen: the term is in the filter. depth: of a folder."""

    key: str
    title: str
    count: int = 0
    term: Term | None = None
    chosen: bool = False
    depth: int = 0


def facet_rows(vms: Sequence[Vm], wanted: Filter, shown: Sequence[Vm]) -> list[FacetRow]:
    """All facets with live counts. shown: what `wanted` selects of vms, known already."""
    rows: list[FacetRow] = []
    for key, title in FACET_TITLES.items():
        values = list(_values(key, vms, wanted, shown))
        if values:
            rows += [FacetRow(key, title), *values]
    return rows


def _values(key: str, vms: Sequence[Vm], wanted: Filter, shown: Sequence[Vm]) -> Iterator[FacetRow]:
    own = [term for term in wanted.terms if term.key == key and not term.negated]
    pool = Filter(tuple(term for term in wanted.terms if term not in own)).select(vms) if own else shown
    found = _folders(pool) if key == "folder" else facet_counts(pool, key)
    if key != "folder":
        found = found[:MOST_VALUES]
    present = {term for term, _ in found}
    for term, count in (*found, *((term, 0) for term in own if term not in present)):
        depth = max(0, str(term.value).count("/") - 1) if key == "folder" else 0
        title = str(term.value).rpartition("/")[2] if depth else str(term.value)
        yield FacetRow(key, title, count, term, term in own, depth)


def _folders(vms: Sequence[Vm]) -> tuple[tuple[Term, int], ...]:
    """Every folder and each above it, with the VMs in it and below, in tree order."""
    counts: Counter[str] = Counter()
    for folder, count in Counter(vm.folder for vm in vms if vm.folder).items():
        parts = folder.strip("/").split("/")
        for length in range(1, len(parts) + 1):
            counts["/" + "/".join(parts[:length])] += count
    ordered = sorted(counts.items(), key=lambda each: each[0].split("/"))
    return tuple((Term("folder", folder), count) for folder, count in ordered)


def _title(row: FacetRow) -> str:
    if row.term is None:
        return row.title
    return f"{'[x]' if row.chosen else '[ ]'} {'  ' * row.depth}{row.title}"


FACET_COLUMNS: tuple[Column[FacetRow], ...] = (
    Column("value", "Show only", 18, _title, grows=True),
    Column("count", "", 6, lambda row: f"{row.count:,}" if row.term else "", right=True),
)


def toggled(wanted: Filter, term: Term) -> Filter:
    """The filter without the term where it has it, else with it."""
    if term in wanted.terms:
        return Filter(tuple(each for each in wanted.terms if each != term))
    return Filter((*wanted.terms, term))
