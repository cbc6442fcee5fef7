"""What is odd about a plan although it is valid: lines without effect and lines that hide each other."""

from collections.abc import Iterable

from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.preflight.findings import Finding, notes, warns
from v2s_tui.domain.planning.selection import identity, matching, select
from v2s_tui.domain.source.filters_keys import glob
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.target.network_map import unused_rules


def lint_plan(plan: BatchPlan, inventory: Inventory | None = None) -> tuple[Finding, ...]:
    """Findings on the plan itself; with an inventory also on lines that mean no VM of it. Raises PlanError
    for an exclusion that cannot be parsed.
    """
    found = [*_repeated(plan), *_pauses(plan)]
    if inventory is not None:
        found += [*_waves(plan, inventory), *_selectors(plan, inventory)]
        found += _parts(plan, inventory)
    return tuple(found)


def _repeated(plan: BatchPlan) -> Iterable[Finding]:
    seen: set[str] = set()
    for index, migration in enumerate(plan.migrations):
        if migration.selector in seen:
            fix = "keep one of the lines"
            yield warns(
                "repeated-line", f"migrations[{index}]", f"{migration.selector} is there already", fix
            )
        seen.add(migration.selector)


def _pauses(plan: BatchPlan) -> Iterable[Finding]:
    if plan.waves and plan.waves[-1].pause_after.value == "pause":
        why = "the batch waits for an operator with nothing left to do"
        yield notes("pause-at-the-end", f"wave {plan.waves[-1].name} pauses after itself", why)


def _waves(plan: BatchPlan, inventory: Inventory) -> Iterable[Finding]:
    selected = {identity(line.vm) for line in select(plan, inventory, strict=False).lines}
    named = {migration.wave for migration in plan.migrations if migration.wave}
    for index, wave in enumerate(plan.waves):
        for pattern in wave.vms:
            found = matching(pattern, inventory)
            if not any(identity(vm) in selected for vm in found):
                why = "no planned VM matches it" if found else "no VM of the inventory matches it"
                yield warns(
                    "wave-glob-unmatched", f"waves[{index}].vms: {pattern!r}", why, "correct the glob"
                )
        if not wave.vms and wave.name not in named:
            yield notes("empty-wave", f"wave {wave.name} has no VMs", "only its pause has an effect")


def _parts(plan: BatchPlan, inventory: Inventory) -> Iterable[Finding]:
    """Rules of one VM that name no NIC or disk of it; rules of patterns and defaults may miss some VMs."""
    for line in select(plan, inventory, strict=False).lines:
        if line.migration.vm_name is None:
            continue
        unused = [f"nic {rule.nic}" for rule in unused_rules(line.vm, line.migration.nics or ())]
        labels = [disk.label for disk in line.vm.disks]
        unused += [
            f"disk {rule.disk}"
            for rule in line.migration.disks or ()
            if not any(map(glob(rule.disk), labels))
        ]
        for each in unused:
            why = f"{line.vm.name} has none of that name"
            yield warns("rule-unmatched", f"migrations[{line.index}]: {each}", why, "correct the rule")


def _selectors(plan: BatchPlan, inventory: Inventory) -> Iterable[Finding]:
    for selector in select(plan, inventory, strict=False).unmatched:
        yield warns(
            "unmatched", f"{selector!r} selects no VM", "it may be mistyped, or the VM is gone", "correct it"
        )
