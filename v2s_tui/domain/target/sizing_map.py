"""Which VM goes to which type, zone and volume class: automatic choice, rules and single decisions.

A decision for one VM wins over rules, a later rule over an earlier one, and either over the automatic choice.
Decisions belong to the VM's identity, so they survive a new inventory.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.source.filters import Filter, parse_filter
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.sizing import (
    MeasuredUse,
    RightsizePolicy,
    SizingChoice,
    choose_type,
    misfits,
    need_of,
)


@dataclass(frozen=True, slots=True)
class TargetOverride:
    """What an operator decided; None leaves it to the next rule, the strategy or the defaults."""

    type_name: str | None = None
    zone: str | None = None
    volume_class: str | None = None

    def over(self, other: "TargetOverride") -> "TargetOverride":
        """This one's decisions, the other's where this has none."""
        return TargetOverride(
            self.type_name or other.type_name,
            self.zone or other.zone,
            self.volume_class or other.volume_class,
        )


@dataclass(frozen=True, slots=True)
class SizingRule:
    """VMs that the filter selects go to this target."""

    filter: Filter
    target: TargetOverride


@dataclass(frozen=True, slots=True)
class SizedVm:
    """A VM with its target. decided_by: `auto`, `rule 2` or `operator`. misfits: why the type cannot be."""

    vm: Vm
    choice: SizingChoice
    zone: str
    volume_class: str | None
    decided_by: str
    misfits: tuple[str, ...] = ()


def vm_identity(vm: Vm) -> str:
    """What names the VM over time and renames: its instance UUID, else its moref, else its path."""
    return vm.instance_uuid or vm.moref or vm.path


@dataclass(frozen=True, slots=True)
class SizingMap:
    """An editable mapping: every edit gives a new one. overrides: by `vm_identity`."""

    zone: str = "fr-par-1"
    strategy: SizingStrategy = SizingStrategy.OPTIMIZE
    overrides: Mapping[str, TargetOverride] = field(default_factory=dict)
    rules: tuple[SizingRule, ...] = ()
    policy: RightsizePolicy = field(default_factory=RightsizePolicy)

    def with_override(self, vm: Vm, target: TargetOverride) -> "SizingMap":
        """Decide for one VM; what was decided before and is not named again stays."""
        identity = vm_identity(vm)
        before = self.overrides.get(identity, TargetOverride())
        return replace(self, overrides={**self.overrides, identity: target.over(before)})

    def without_override(self, vm: Vm) -> "SizingMap":
        """Leave this VM to the rules again."""
        identity = vm_identity(vm)
        return replace(self, overrides={key: each for key, each in self.overrides.items() if key != identity})

    def with_rule(self, filter_text: str, target: TargetOverride) -> "SizingMap":
        """Add a rule that wins over those before it. Raises FilterError."""
        return replace(self, rules=(*self.rules, SizingRule(parse_filter(filter_text), target)))

    def without_rule(self, index: int) -> "SizingMap":
        """Drop the rule at this index, 0 first."""
        return replace(self, rules=self.rules[:index] + self.rules[index + 1 :])

    def decision(self, vm: Vm) -> tuple[TargetOverride, str]:
        """What was decided for the VM, and by whom its type was: `auto`, `rule N` or `operator`."""
        target, decided_by = self.overrides.get(vm_identity(vm), TargetOverride()), "operator"
        if target.type_name is None:
            decided_by = "auto"
        for number, rule in reversed(list(enumerate(self.rules, 1))):
            if not rule.filter.matches(vm):
                continue
            if target.type_name is None and rule.target.type_name:
                decided_by = f"rule {number}"
            target = target.over(rule.target)
        return target, decided_by

    def size(
        self, vm: Vm, catalogue_of_zone: Callable[[str], Catalogue], *, use: MeasuredUse | None = None
    ) -> SizedVm:
        """The VM's target in the catalogue of its zone."""
        target, decided_by = self.decision(vm)
        zone = target.zone or self.zone
        catalogue = catalogue_of_zone(zone)
        if target.type_name is None:
            choice = choose_type(vm, catalogue, self.strategy, use=use, policy=self.policy)
            return SizedVm(vm, choice, zone, target.volume_class, decided_by)
        found = catalogue.get(target.type_name)
        problems = misfits(need_of(vm), found) if found else (f"is not offered in {zone}",)
        choice = SizingChoice(found.name if found else target.type_name, f"chosen by {decided_by}")
        return SizedVm(vm, choice, zone, target.volume_class, decided_by, problems)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the session file."""
        return {
            "zone": self.zone,
            "strategy": self.strategy.value,
            "overrides": {key: asdict(each) for key, each in self.overrides.items()},
            "rules": [{"filter": str(each.filter), **asdict(each.target)} for each in self.rules],
            "policy": asdict(self.policy),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "SizingMap":
        """The map that `to_dict` wrote. Raises FilterError, KeyError, TypeError or ValueError."""
        rules = [dict(each) for each in data["rules"]]
        return cls(
            zone=data["zone"],
            strategy=SizingStrategy(data["strategy"]),
            overrides={key: TargetOverride(**each) for key, each in data["overrides"].items()},
            rules=tuple(
                SizingRule(parse_filter(each.pop("filter")), TargetOverride(**each)) for each in rules
            ),
            policy=RightsizePolicy(**data["policy"]),
        )
