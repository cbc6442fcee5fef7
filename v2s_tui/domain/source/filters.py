"""Filters: one text that selects VMs, the same in the app, the command line and a plan's `exclude`.

    os:linux name:web-* name:db-* !tag:legacy cpu:>=4 disk:<500

Terms of different keys must all hold; of several terms of one key, one suffices; each negated term must not
hold. A bare word is a glob on the name. Nothing mistyped ever selects more: it is an error.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from v2s_tui.domain.source.filters_keys import KEYS, Kind, Test
from v2s_tui.domain.source.filters_parse import filter_error, parse_terms
from v2s_tui.domain.source.filters_terms import Comparison, Operator, Term
from v2s_tui.domain.source.vm import Vm

_NAME = re.compile(r"(?<!\S)@([\w.-]+)(?!\S)")
_LOW = {Operator.AT_LEAST, Operator.ABOVE}
_HIGH = {Operator.AT_MOST, Operator.BELOW}


@dataclass(frozen=True)
class Filter:
    """A parsed filter; without terms it matches every VM. `str()` parses to the same filter again."""

    terms: tuple[Term, ...] = ()

    def matches(self, vm: Vm) -> bool:
        """True when the VM is selected."""
        return all(test(vm) for test in self._passes)

    def select(self, vms: Iterable[Vm]) -> list[Vm]:
        """The selected VMs in their order. One pass for each key over what the passes before it left."""
        left = list(vms)
        for test in self._passes:
            left = [vm for vm in left if test(vm)]
        return left

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    @cached_property
    def _passes(self) -> tuple[Test, ...]:
        wanted: dict[str, list[Test]] = {}
        unwanted: list[Test] = []
        for term in self.terms:
            test = KEYS[term.key].test(term.value)
            if term.negated:
                unwanted.append(test)
            else:
                wanted.setdefault(term.key, []).append(test)
        return (*(_one_of(tests) for tests in wanted.values()), *(_not(test) for test in unwanted))


def _one_of(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda vm: any(test(vm) for test in tests)


def _not(test: Test) -> Test:
    return lambda vm: not test(vm)


def parse_filter(text: str) -> Filter:
    """The filter this text means. Raises FilterError whose position points at the character."""
    return _checked(Filter(parse_terms(text)))


def named_filter(name: str, kept: Mapping[str, str]) -> Filter:
    """The filter kept under this name; its text may use others as `@other`. Raises FilterError."""
    return combine_filters([f"@{name}"], kept)


def expand_names(text: str, kept: Mapping[str, str], *, within: tuple[str, ...] = ()) -> str:
    """The text with every word `@name` replaced by the filter kept under that name.

    Raises FilterError for a name nobody kept (with a suggestion) and for names that contain themselves.
    """

    def replacement(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in kept:
            near = difflib.get_close_matches(name, kept, n=1)
            hint = f"did you mean @{near[0]}?" if near else f"kept: {', '.join(sorted(kept)) or 'none'}"
            raise filter_error(f"no filter is kept as {name!r}", match.start(1) + 1, hint)
        if name in within:
            raise filter_error(f"@{name} contains itself", match.start(1) + 1, "write one of them out")
        return expand_names(kept[name], kept, within=(*within, name))

    return _NAME.sub(replacement, text)


def combine_filters(texts: Iterable[str], kept: Mapping[str, str] | None = None) -> Filter:
    """Several texts (`--filter` given often) as one: the same as writing them in one line.

    kept: named filters, used as `@name`.
    """
    expanded = [expand_names(text, kept) if kept is not None else text for text in texts]
    return _checked(Filter(tuple(term for text in expanded for term in parse_terms(text))))


def size_filter(
    *,
    min_cpu: float | None = None,
    max_cpu: float | None = None,
    min_ram: float | None = None,
    max_ram: float | None = None,
    min_disk: float | None = None,
    max_disk: float | None = None,
) -> Filter:
    """The `--min-*` and `--max-*` options as a filter, ends included; ram and disk in GB. Chain it."""
    bounds = {"cpu": (min_cpu, max_cpu), "ram": (min_ram, max_ram), "disk": (min_disk, max_disk)}
    return Filter(tuple(Term(key, bound) for key, ends in bounds.items() if (bound := _bound(key, *ends))))


def _bound(key: str, low: float | None, high: float | None) -> Comparison | None:
    if low is None and high is None:
        return None
    if low is None or high is None:
        operator, number = (Operator.AT_LEAST, low) if low is not None else (Operator.AT_MOST, high)
        return Comparison(operator, number or 0)
    if low > high:
        raise filter_error(
            f"the least {key} is above the most", 1, f"--min-{key} {low:g} --max-{key} {high:g}"
        )
    return Comparison(Operator.RANGE, low, high)


def _checked(found: Filter) -> Filter:
    """Refuse two bounds of one key of which every VM meets one: an `or` where a range was meant."""
    for key in KEYS.values():
        if key.kind is Kind.TEXT:
            continue
        bounds = [term.value for term in found.terms if term.key == key.name and not term.negated]
        numeric = [value for value in bounds if isinstance(value, Comparison)]
        low = min((each.number for each in numeric if each.operator in _LOW), default=None)
        high = max((each.number for each in numeric if each.operator in _HIGH), default=None)
        if low is not None and high is not None and low <= high:
            column = str(found).find(f"{key.name}:") + 1
            hint = f"terms of one key are alternatives; write {key.name}:{low:g}..{high:g}"
            raise filter_error(f"every VM meets one of the {key.name} bounds", column, hint)
    return found
