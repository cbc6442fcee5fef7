"""Edits of a plan, one function each: a plan in, a new plan out. Undo is keeping the plan before.

A VM that a pattern selects gets a line of its own when it is edited (a line by name wins over a pattern).
"""

from collections.abc import Callable, Iterable

from v2s_tui.domain.planning.plan import BatchPlan, Exclusion, Migration, PausePolicy, WaveSpec


def with_vms(plan: BatchPlan, names: Iterable[str]) -> BatchPlan:
    """The plan with a line for each of these VMs that has none; an exclusion of exactly that VM is
    dropped.
    """
    wanted = tuple(dict.fromkeys(names))
    present = {each.vm_name for each in plan.migrations if each.vm_name}
    new = tuple(Migration(vm_name=name) for name in wanted if name not in present)
    excluded = tuple(each for each in plan.exclude if each.vm_name not in wanted)
    return plan.model_copy(update={"migrations": plan.migrations + new, "exclude": excluded})


def without_vms(
    plan: BatchPlan, names: Iterable[str], *, reason: str = "removed by the operator"
) -> BatchPlan:
    """The plan without these VMs: their lines go; where a pattern may still select one, it is excluded."""
    gone = set(names)
    migrations = tuple(each for each in plan.migrations if each.vm_name not in gone)
    exclude = plan.exclude
    if any(each.vm_pattern for each in migrations):
        already = {each.vm_name for each in exclude}
        exclude += tuple(Exclusion(vm_name=name, reason=reason) for name in sorted(gone - already))
    return plan.model_copy(update={"migrations": migrations, "exclude": exclude})


def edit_lines(plan: BatchPlan, names: Iterable[str], change: Callable[[Migration], Migration]) -> BatchPlan:
    """The plan with `change` applied to the line of each VM (made first where only a pattern selects it)."""
    targets = set(names)
    widened = with_vms(plan, targets)
    lines = tuple(change(each) if each.vm_name in targets else each for each in widened.migrations)
    return widened.model_copy(update={"migrations": lines})


def with_type(plan: BatchPlan, names: Iterable[str], target_type: str | None) -> BatchPlan:
    """These VMs go to this Instance type; None lets the sizing strategy choose again."""
    return edit_lines(plan, names, lambda line: line.model_copy(update={"target_type": target_type}))


def with_zone(plan: BatchPlan, names: Iterable[str], zone: str | None) -> BatchPlan:
    """These VMs go to this zone; None means the plan's default."""
    return edit_lines(plan, names, lambda line: line.model_copy(update={"zone": zone}))


def with_priority(plan: BatchPlan, names: Iterable[str], priority: int) -> BatchPlan:
    """These VMs get this priority, 1 goes first."""
    return edit_lines(plan, names, lambda line: line.model_copy(update={"priority": priority}))


def in_wave(plan: BatchPlan, names: Iterable[str], wave: str | None) -> BatchPlan:
    """These VMs go with this wave (declared when it is new); None leaves it to the waves' globs."""
    declared = plan if wave is None or _index(plan, wave) is not None else with_wave(plan, wave)
    return edit_lines(declared, names, lambda line: line.model_copy(update={"wave": wave}))


def with_wave(plan: BatchPlan, name: str, *, policy: PausePolicy = PausePolicy.PAUSE_ON_FAILURE) -> BatchPlan:
    """The plan with one more wave at the end."""
    return plan.model_copy(update={"waves": (*plan.waves, WaveSpec(name=name, pause_after=policy))})


def with_policy(plan: BatchPlan, wave: str, policy: PausePolicy) -> BatchPlan:
    """The plan in which that wave ends with this policy."""
    waves = tuple(
        each.model_copy(update={"pause_after": policy}) if each.name == wave else each for each in plan.waves
    )
    return plan.model_copy(update={"waves": waves})


def with_wave_moved(plan: BatchPlan, wave: str, step: int) -> BatchPlan:
    """The plan in which that wave goes `step` places later (negative: earlier), kept inside the list."""
    index = _index(plan, wave)
    if index is None:
        return plan
    waves = list(plan.waves)
    moved = waves.pop(index)
    waves.insert(max(0, min(index + step, len(waves))), moved)
    return plan.model_copy(update={"waves": tuple(waves)})


def _index(plan: BatchPlan, wave: str) -> int | None:
    return next((index for index, each in enumerate(plan.waves) if each.name == wave), None)
