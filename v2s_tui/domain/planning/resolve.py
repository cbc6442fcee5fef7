"""Plan + inventory + catalogue = what will run: every VM once, in one wave, with everything decided."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.planning.plan import BatchPlan, PausePolicy, WaveSpec
from v2s_tui.domain.planning.plan_options import Consistency, DiskRule, GuestBackend, VmOptions, VolumeClass
from v2s_tui.domain.planning.resolved import (
    BOOT_TIMEOUT_SECONDS,
    PlannedDisk,
    PlannedVm,
    ResolvedPlan,
    ResolvedWave,
)
from v2s_tui.domain.planning.selection import Line, identity, matching, select
from v2s_tui.domain.source.filters_keys import glob, name_test
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.network_map import map_nics
from v2s_tui.domain.target.sizing import MeasuredUse, choose_type

CatalogueOfZone = Callable[[str], Catalogue]
Value = TypeVar("Value")


def resolve(
    plan: BatchPlan,
    inventory: Inventory,
    catalogue_of_zone: CatalogueOfZone,
    *,
    strict: bool = True,
    create_instance: bool = True,
    use_of: Callable[[Vm], MeasuredUse | None] | None = None,
    kept_filters: Mapping[str, str] | None = None,
) -> ResolvedPlan:
    """What the plan means for this inventory.

    Migrations are expanded and exclusions applied; order is by priority, then as written. Waves are the
    declared ones in their order, each VM in the first that names it, what none names in a last one; without
    declared waves each priority is a wave. strict, kept_filters, PlanError: see selection.select.
    create_instance: what counts where the plan says nothing. use_of: measured use for `rightsize`.
    """
    selection = select(plan, inventory, strict=strict, kept_filters=kept_filters)
    lines = sorted(selection.lines, key=lambda line: (line.migration.priority, line.index))
    waves = _assign(plan, lines, inventory)

    def choose(line: Line) -> tuple[str, str]:
        catalogue = catalogue_of_zone(line.migration.zone or plan.defaults.zone)
        return _type(line, plan, catalogue, use_of(line.vm) if use_of else None)

    planned = tuple(
        _planned(
            line,
            plan,
            wave.name,
            inventory.unambiguous_name(line.vm),
            choose(line),
            create_instance=create_instance,
        )
        for wave, own in waves
        for line in own
    )
    return ResolvedPlan(
        vms=planned,
        waves=tuple(_wave(wave, own, inventory) for wave, own in waves),
        limits=plan.concurrency,
        post_migration=plan.post_migration,
        excluded=tuple(
            (inventory.unambiguous_name(vm), selection.excluded[identity(vm)])
            for vm in inventory
            if identity(vm) in selection.excluded
        ),
        unmatched_selectors=selection.unmatched,
        not_together=_groups(plan, planned),
        accepted=dict(plan.defaults.accept or {}),
        private_networks=plan.private_networks,
    )


def _assign(
    plan: BatchPlan, lines: Sequence[Line], inventory: Inventory
) -> list[tuple[WaveSpec, list[Line]]]:
    """Each wave with its lines. Names are unique; lines keep their order."""
    if not plan.waves:
        priorities = sorted({line.migration.priority for line in lines})
        return [
            (WaveSpec(name=f"priority {each}"), [line for line in lines if line.migration.priority == each])
            for each in priorities
        ]
    waves: list[tuple[WaveSpec, list[Line]]] = [(wave, []) for wave in plan.waves]
    place = _places(plan, inventory)
    rest: list[Line] = []
    for line in lines:
        index = place(line)
        (rest if index is None else waves[index][1]).append(line)
    if rest:
        waves.append((WaveSpec(name=_free_name(plan), pause_after=PausePolicy.CONTINUE), rest))
    return waves


def _places(plan: BatchPlan, inventory: Inventory) -> Callable[[Line], int | None]:
    by_name = {wave.name: index for index, wave in enumerate(plan.waves)}
    by_vm: dict[tuple[str, str], int] = {}
    for index, wave in enumerate(plan.waves):
        for pattern in wave.vms:
            for vm in matching(pattern, inventory):
                by_vm.setdefault(identity(vm), index)

    def place(line: Line) -> int | None:
        return by_name[line.migration.wave] if line.migration.wave else by_vm.get(identity(line.vm))

    return place


def _free_name(plan: BatchPlan) -> str:
    taken = {wave.name for wave in plan.waves}
    return next(name for name in ("rest", *(f"rest {n}" for n in range(2, 1000))) if name not in taken)


def _wave(wave: WaveSpec, lines: Sequence[Line], inventory: Inventory) -> ResolvedWave:
    names = tuple(inventory.unambiguous_name(line.vm) for line in lines)
    return ResolvedWave(wave.name, names, wave.pause_after, wave.not_before, wave.not_after)


def _or(value: Value | None, default: Value) -> Value:
    return default if value is None else value


def _planned(
    line: Line, plan: BatchPlan, wave: str, name: str, typed: tuple[str, str], *, create_instance: bool
) -> PlannedVm:
    migration, defaults, vm = line.migration, plan.defaults, line.vm
    target_type, reason = typed
    option = _Options(migration, defaults)
    mapping = _or(migration.network_mapping, defaults.network_mapping)
    volume_class = option.first("volume_class", VolumeClass.SBS_5K)
    return PlannedVm(
        name=name,
        vm=vm,
        target_type=target_type,
        zone=migration.zone or defaults.zone,
        wave=wave,
        priority=migration.priority,
        tags=_or(migration.tags, defaults.tags),
        skip_validation=_or(migration.skip_validation, defaults.skip_validation),
        create_instance=option.first("create_instance", create_instance),
        network_mapping=dict(mapping),
        notes=migration.notes,
        type_reason=reason,
        guest_backend=option.first("guest_backend", GuestBackend.V2S),
        adapt=option.first("adapt", True),
        consistency=option.first("consistency", Consistency.SNAPSHOT),
        volume_class=volume_class,
        nics=map_nics(vm, mapping, option.first("nics", ())),
        disks=_disks(vm, option.first("disks", ()), volume_class),
        cloud_init=option.first("cloud_init", ""),
        rehearse=option.first("rehearse", ""),
        boot_timeout_seconds=option.first("boot_timeout_seconds", BOOT_TIMEOUT_SECONDS),
        security_group=option.first("security_group", ""),
        public_ip=option.first("public_ip", None),
        accepted=dict(option.first("accept", {})),
        checks=option.first("checks", ()),
        placement_group=option.first("placement_group", ""),
        initramfs=option.first("initramfs", InitramfsMode.OVERLAY),
        hard_power_off=option.first("hard_power_off", False),
    )


class _Options:
    """The migration's own value, else the default's, else v2s's."""

    def __init__(self, own: VmOptions, defaults: VmOptions) -> None:
        self._sources = (own, defaults)

    def first(self, key: str, otherwise: Value) -> Value:
        values = (getattr(source, key) for source in self._sources)
        found: Value = next((value for value in values if value is not None), otherwise)
        return found


def _type(line: Line, plan: BatchPlan, catalogue: Catalogue, use: MeasuredUse | None) -> tuple[str, str]:
    migration = line.migration
    if migration.target_type:
        known = catalogue.get(migration.target_type)
        return (known.name if known else migration.target_type), "as the plan says"
    strategy = migration.sizing_strategy or plan.defaults.sizing_strategy
    choice = choose_type(_without_skipped_disks(line, plan), catalogue, strategy, use=use)
    return choice.type_name or "", choice.reason


def _without_skipped_disks(line: Line, plan: BatchPlan) -> Vm:
    """As it arrives: what stays at VMware needs no place on the Instance."""
    rules = _Options(line.migration, plan.defaults).first("disks", ())
    skipped = {each.key for each in _disks(line.vm, rules, VolumeClass.SBS_5K) if each.skip}
    if not skipped:
        return line.vm
    return replace(line.vm, disks=tuple(each for each in line.vm.disks if each.key not in skipped))


def _disks(vm: Vm, rules: Sequence[DiskRule], default: VolumeClass) -> tuple[PlannedDisk, ...]:
    planned = []
    for disk in vm.disks:
        rule = next((each for each in rules if glob(each.disk)(disk.label)), None)
        if rule is not None:
            planned.append(PlannedDisk(disk.key, rule.skip, rule.volume_class or default))
    return tuple(planned)


def _groups(plan: BatchPlan, planned: Sequence[PlannedVm]) -> tuple[tuple[str, ...], ...]:
    groups = []
    for patterns in plan.not_together:
        tests = [name_test(pattern) for pattern in patterns]
        groups.append(tuple(each.name for each in planned if any(test(each.vm) for test in tests)))
    return tuple(group for group in groups if len(group) > 1)
