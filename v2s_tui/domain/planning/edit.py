"""Edits of a plan, one function each: a plan in, a new plan out. Undo is keeping the plan before.

A VM that a pattern selects gets a line of its own when it is edited (a line by name wins over a pattern),
with all that the pattern's line says. VMs are named as the inventory names them; a line may name one by its
path all the same, so the inventory tells which line means which VM. Without one, lines are known by the name
they hold.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from v2s_tui.domain.planning.plan import BatchPlan, Exclusion, Migration, PausePolicy, WaveSpec
from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.domain.planning.selection import select
from v2s_tui.domain.source.inventory import Inventory


def with_vms(plan: BatchPlan, names: Iterable[str], *, inventory: Inventory | None = None) -> BatchPlan:
    """The plan with a line for each of these VMs that no line selects; an exclusion of exactly that VM is
    dropped.
    """
    wanted = tuple(dict.fromkeys(names))
    present = _selecting(plan, inventory)
    new = tuple(Migration(vm_name=name) for name in wanted if name not in present)
    excluded = tuple(each for each in plan.exclude if each.vm_name not in wanted)
    return plan.model_copy(update={"migrations": plan.migrations + new, "exclude": excluded})


def without_vms(
    plan: BatchPlan,
    names: Iterable[str],
    *,
    reason: str = "removed by the operator",
    inventory: Inventory | None = None,
) -> BatchPlan:
    """The plan without these VMs: their lines go; where a pattern may still select one, it is excluded."""
    gone = set(names)
    places = {index for name, index in _selecting(plan, inventory).items() if name in gone}
    migrations = tuple(
        each for index, each in enumerate(plan.migrations) if each.vm_name is None or index not in places
    )
    exclude = plan.exclude
    if any(each.vm_pattern for each in migrations):
        already = {each.vm_name for each in exclude}
        exclude += tuple(Exclusion(vm_name=name, reason=reason) for name in sorted(gone - already))
    return plan.model_copy(update={"migrations": migrations, "exclude": exclude})


def _selecting(plan: BatchPlan, inventory: Inventory | None) -> dict[str, int]:
    """Place of the line that selects each VM, excluded or not, by the VM's name in the inventory."""
    named = {each.vm_name: index for index, each in enumerate(plan.migrations) if each.vm_name is not None}
    if inventory is None:
        return named
    lines = select(plan.model_copy(update={"exclude": ()}), inventory, strict=False).lines
    return named | {inventory.unambiguous_name(line.vm): line.index for line in lines}


def with_excluded_filter(
    plan: BatchPlan, text: str, *, reason: str = "excluded by the operator"
) -> BatchPlan:
    """The plan that leaves out whatever this filter selects, whichever line names it."""
    return plan.model_copy(update={"exclude": (*plan.exclude, Exclusion(filter=text, reason=reason))})


def without_exclusion(plan: BatchPlan, exclusion: Exclusion) -> BatchPlan:
    """The plan without that exclusion."""
    return plan.model_copy(update={"exclude": tuple(each for each in plan.exclude if each != exclusion)})


def edit_lines(
    plan: BatchPlan,
    names: Iterable[str],
    change: Callable[[Migration], Migration],
    *,
    inventory: Inventory | None = None,
) -> BatchPlan:
    """The plan with `change` applied to the line of each VM. One that a pattern selects first gets its own, a
    copy of the pattern's after it.
    """
    targets = set(names)
    widened = with_vms(plan, sorted(targets), inventory=inventory)
    of_line: dict[int, list[str]] = {}
    for name, index in _selecting(widened, inventory).items():
        if name in targets:
            of_line.setdefault(index, []).append(name)
    lines: list[Migration] = []
    for index, line in enumerate(widened.migrations):
        meant = of_line.get(index, [])
        by_name = line.vm_name is not None
        lines.append(change(line) if meant and by_name else line)
        if not by_name:
            own = (line.model_copy(update={"vm_name": name, "vm_pattern": None}) for name in meant)
            lines += map(change, own)
    return widened.model_copy(update={"migrations": tuple(lines)})


def _with(plan: BatchPlan, names: Iterable[str], inventory: Inventory | None, **values: object) -> BatchPlan:
    """These values of the lines of these VMs."""
    return edit_lines(plan, names, lambda line: line.model_copy(update=values), inventory=inventory)


def with_type(
    plan: BatchPlan, names: Iterable[str], target_type: str | None, *, inventory: Inventory | None = None
) -> BatchPlan:
    """These VMs go to this Instance type; None lets the sizing strategy choose again."""
    return _with(plan, names, inventory, target_type=target_type)


def with_zone(
    plan: BatchPlan, names: Iterable[str], zone: str | None, *, inventory: Inventory | None = None
) -> BatchPlan:
    """These VMs go to this zone; None means the plan's default."""
    return _with(plan, names, inventory, zone=zone)


def with_priority(
    plan: BatchPlan, names: Iterable[str], priority: int, *, inventory: Inventory | None = None
) -> BatchPlan:
    """These VMs get this priority, 1 goes first."""
    return _with(plan, names, inventory, priority=priority)


def in_wave(
    plan: BatchPlan, names: Iterable[str], wave: str | None, *, inventory: Inventory | None = None
) -> BatchPlan:
    """These VMs go with this wave (declared when it is new); None leaves it to the waves' globs."""
    declared = plan if wave is None or _index(plan, wave) is not None else with_wave(plan, wave)
    return _with(declared, names, inventory, wave=wave)


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


def with_window(
    plan: BatchPlan, wave: str, not_before: datetime | None, not_after: datetime | None
) -> BatchPlan:
    """The plan in which VMs of that wave start only between these moments; None leaves an end open.

    Raises ValueError when the window closes before it opens.
    """
    ends = {"not_before": not_before, "not_after": not_after}
    waves = tuple(
        WaveSpec.model_validate({**each.model_dump(), **ends}) if each.name == wave else each
        for each in plan.waves
    )
    return plan.model_copy(update={"waves": waves})


def with_volume_class(
    plan: BatchPlan,
    names: Iterable[str],
    volume_class: VolumeClass | None,
    *,
    inventory: Inventory | None = None,
) -> BatchPlan:
    """Disks of these VMs become volumes of this class; None means the plan's default."""
    return _with(plan, names, inventory, volume_class=volume_class)


def with_accepted(
    plan: BatchPlan, code: str, vm: str, reason: str | None, *, inventory: Inventory | None = None
) -> BatchPlan:
    """The plan that accepts this finding on that VM ("": on the whole batch) for this reason; None: no more.

    A line's own acceptances stand in place of the defaults', so it begins with a copy of them.
    """
    common = plan.defaults.accept or {}
    if not vm:
        defaults = plan.defaults.model_copy(update={"accept": _accepting(common, code, reason)})
        return plan.model_copy(update={"defaults": defaults})

    def change(line: Migration) -> Migration:
        own = common if line.accept is None else line.accept
        return line.model_copy(update={"accept": _accepting(own, code, reason)})

    return edit_lines(plan, [vm], change, inventory=inventory)


def _accepting(known: Mapping[str, str], code: str, reason: str | None) -> dict[str, str]:
    rest = {each: why for each, why in known.items() if each != code}
    return rest if reason is None else {**rest, code: reason}


def _index(plan: BatchPlan, wave: str) -> int | None:
    return next((index for index, each in enumerate(plan.waves) if each.name == wave), None)
