"""What the API key may not do, which IAM permission set allows it, and which plans need it."""

from dataclasses import dataclass
from enum import StrEnum

from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.target_nics import target_nics


class NeededFor(StrEnum):
    """Which plans cannot do without a right; the value is for people."""

    EVERY_PLAN = "every plan"
    PRIVATE_NETWORKS = "plans that map NICs to Private Networks"
    NEW_NETWORKS = "plans that make Private Networks"
    WINDOWS = "plans that move Windows VMs"


@dataclass(frozen=True, slots=True)
class MissingAccess:
    """A harmless call that was refused. title: what cannot be done, and Scaleway's words. fix: for people."""

    title: str
    fix: str
    needed_for: NeededFor = NeededFor.EVERY_PLAN

    def __str__(self) -> str:
        return f"{self.title}. {self.fix}"

    def concerns(self, plan: ResolvedPlan) -> bool:
        """True when the plan would fail for want of it."""
        match self.needed_for:
            case NeededFor.PRIVATE_NETWORKS:
                return _joins_networks(plan)
            case NeededFor.NEW_NETWORKS:
                return bool(plan.private_networks) and _joins_networks(plan)
            case NeededFor.WINDOWS:
                return any(each.windows and each.create_instance for each in plan.vms)
        return True


def _joins_networks(plan: ResolvedPlan) -> bool:
    return any(target_nics(each) for each in plan.vms if each.create_instance)
