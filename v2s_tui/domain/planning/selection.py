"""Which VMs a plan's selectors mean: names and paths, globs, regular expressions and filters."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from v2s_tui.domain.errors import FilterError, PlanError, Position
from v2s_tui.domain.planning.plan import BatchPlan, Exclusion, Migration
from v2s_tui.domain.source.filters import combine_filters
from v2s_tui.domain.source.filters_keys import Test, name_test, normal_path, regex_test
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A VM and the migration that selects it, the index of which is its place in the plan."""

    vm: Vm
    migration: Migration
    index: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Lines in plan order. excluded: identity -> reason.

    unmatched: selectors that mean no VM of the inventory, then exclusions that leave nobody out.
    """

    lines: tuple[Line, ...]
    excluded: dict[Identity, str]
    unmatched: tuple[str, ...]


def identity(vm: Vm) -> Identity:
    """What tells two VMs apart, whatever their names are."""
    return (vm.moref, vm.instance_uuid) if vm.moref or vm.instance_uuid else (vm.path, "")


def select(
    plan: BatchPlan,
    inventory: Inventory,
    *,
    strict: bool = True,
    kept_filters: Mapping[str, str] | None = None,
) -> Selection:
    """Expand the migrations and take the excluded VMs out.

    A line by name wins over a pattern, and of two patterns the first. Raises PlanError when a name means no
    VM or several, or when two lines name one VM; with strict=False such lines are reported as unmatched
    instead. kept_filters: what `@name` in an exclusion's filter means, None where none are known.
    """
    excluded, idle = _excluded(plan.exclude, inventory, kept_filters or {})
    unmatched: list[str] = []
    chosen: dict[Identity, Line] = {}
    by_name = [(index, each) for index, each in enumerate(plan.migrations) if each.vm_name is not None]
    patterns = [(index, each) for index, each in enumerate(plan.migrations) if each.vm_name is None]
    for index, migration in by_name:
        _add_named(chosen, index, migration, inventory, unmatched, strict=strict)
    for index, migration in patterns:
        found = matching(migration.vm_pattern or "", inventory)
        if not found:
            unmatched.append(migration.selector)
        for vm in found:
            chosen.setdefault(identity(vm), Line(vm, migration, index))
    kept = (line for key, line in chosen.items() if key not in excluded)
    return Selection(tuple(sorted(kept, key=lambda line: line.index)), excluded, (*unmatched, *idle))


def matching(pattern: str, inventory: Inventory) -> tuple[Vm, ...]:
    """VMs whose name, or path when the pattern begins with `/`, matches the glob; case is ignored."""
    if not re.search(r"[*?\[]", pattern) and (found := inventory.find(pattern)):
        return found
    test = name_test(pattern)
    return tuple(vm for vm in inventory if test(vm))


def _add_named(
    chosen: dict[Identity, Line],
    index: int,
    migration: Migration,
    inventory: Inventory,
    unmatched: list[str],
    *,
    strict: bool,
) -> None:
    found = _named(migration.vm_name or "", inventory)
    problem = _problem(migration.vm_name or "", found, index, chosen, inventory)
    if problem is None:
        chosen[identity(found[0])] = Line(found[0], migration, index)
    elif strict:
        raise problem
    else:
        unmatched.append(migration.selector)


def _named(name: str, inventory: Inventory) -> tuple[Vm, ...]:
    return inventory.find(name) or (inventory.find(normal_path(name)) if name.startswith("/") else ())


def _named_in_any_case(name: str, inventory: Inventory) -> tuple[Vm, ...]:
    """For what leaves VMs out, where a name that is mistyped and means none would let its VM run along.

    vSphere takes names that differ in case only for the same.
    """
    if found := _named(name, inventory):
        return found
    wanted, path = name.casefold(), _plain_path(name)
    is_path = name.startswith("/")
    return tuple(
        vm for vm in inventory if vm.name.casefold() == wanted or (is_path and _plain_path(vm.path) == path)
    )


def _plain_path(path: str) -> str:
    return normal_path(path.casefold())


def _problem(
    name: str, found: tuple[Vm, ...], index: int, chosen: dict[Identity, Line], inventory: Inventory
) -> PlanError | None:
    position = Position(key=f"migrations[{index}].vm_name")
    if not found:
        hint = "correct the name, or take a new inventory; templates are not in it"
        return PlanError(f"no VM {name!r} is in the inventory", hint=hint, position=position)
    if len(found) > 1:
        names = ", ".join(map(inventory.unambiguous_name, found))
        return PlanError(
            f"{len(found)} VMs have the name {name!r}", hint=f"write one of: {names}", position=position
        )
    before = chosen.get(identity(found[0]))
    if before is not None:
        hint = f"it is migrations[{before.index}] too; remove one of the two lines"
        return PlanError(f"{found[0].path} is named twice", hint=hint, position=position)
    return None


def _excluded(
    exclusions: Iterable[Exclusion], inventory: Inventory, kept_filters: Mapping[str, str]
) -> tuple[dict[Identity, str], list[str]]:
    """Reason by identity, and the exclusions that leave no VM out."""
    found: dict[Identity, str] = {}
    idle: list[str] = []
    for index, exclusion in enumerate(exclusions):
        test = _test(exclusion, index, inventory, kept_filters)
        reason = exclusion.reason or f"excluded by {_written(exclusion)}"
        left_out = [vm for vm in inventory if test(vm)]
        for vm in left_out:
            found.setdefault(identity(vm), reason)
        if not left_out:
            idle.append(f"exclude {_written(exclusion)}")
    return found, idle


def _written(exclusion: Exclusion) -> str:
    for key in ("vm_name", "vm_pattern", "regex", "filter"):
        if (value := getattr(exclusion, key)) is not None:
            return f"{key} {value}"
    return ""


def _test(exclusion: Exclusion, index: int, inventory: Inventory, kept_filters: Mapping[str, str]) -> Test:
    if exclusion.vm_name is not None:
        named = {identity(vm) for vm in _named_in_any_case(exclusion.vm_name, inventory)}
        return lambda vm: identity(vm) in named
    if exclusion.vm_pattern is not None:
        return name_test(exclusion.vm_pattern)
    return _parsed(exclusion, index, kept_filters)


def _parsed(exclusion: Exclusion, index: int, kept_filters: Mapping[str, str]) -> Test:
    make: Callable[[], Test]
    if exclusion.regex is not None:
        key, text = "regex", exclusion.regex
        make = lambda: regex_test(text)  # noqa: E731 - one of two ways to make the test, called under one guard
    else:
        key, text = "filter", exclusion.filter or ""
        make = lambda: combine_filters([text], kept_filters).matches  # noqa: E731 - see above
    try:
        return make()
    except (FilterError, ValueError) as err:
        hint = err.hint if isinstance(err, FilterError) else ""
        title = err.title if isinstance(err, FilterError) else str(err)
        raise PlanError(title, hint=hint, position=Position(key=f"exclude[{index}].{key}")) from err
