"""A plan that leaves types to measured use is sized alike whenever it is looked at, and asks once."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from fakes.plans import vm_named

from v2s_tui.domain.errors import SourceUnreachable
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.target.sizing import MeasuredUse
from v2s_tui.usecases.measure_use import use_in_plan
from v2s_tui.usecases.services import Services

INVENTORY = Inventory(
    (vm_named("web-1"), vm_named("db-1"), vm_named("web-2")), "vc", datetime(2026, 3, 1, tzinfo=UTC)
)


class Asked:
    """A vCenter that remembers what it was asked for."""

    def __init__(self) -> None:
        self.morefs: list[list[str]] = []

    def measured_use(self, morefs: list[str]) -> dict[str, MeasuredUse]:
        self.morefs.append(list(morefs))
        return {each: MeasuredUse(0.1, 0.06, 7) for each in morefs if each != "vm-web-2"}


def services(source: Any) -> Services:
    made = SimpleNamespace(source=source, measured={}, settings=SimpleNamespace(filters={}))
    return cast(Services, made)


def plan(**parts: Any) -> BatchPlan:
    lines = [{"vm_pattern": "web-*"}, {"vm_name": "db-1", "target_type": "POP2-2C-8G"}]
    return BatchPlan.model_validate({"migrations": lines, **parts})


def test_only_vms_that_the_plan_rightsizes_are_asked_for_and_only_once() -> None:
    vcenter = Asked()
    made = services(lambda: vcenter)
    asked = plan(defaults={"sizing_strategy": "rightsize"})
    assert set(use_in_plan(made, asked, INVENTORY)) == {"vm-web-1"}
    assert set(use_in_plan(made, asked, INVENTORY)) == {"vm-web-1"}
    assert vcenter.morefs == [["vm-web-1", "vm-web-2"]]


def test_a_plan_that_rightsizes_nothing_asks_nothing() -> None:
    vcenter = Asked()
    assert use_in_plan(services(lambda: vcenter), plan(), INVENTORY) == {}
    assert vcenter.morefs == []


def test_a_vcenter_that_does_not_answer_leaves_use_unknown() -> None:
    def refused() -> Any:
        raise SourceUnreachable("no route")

    asked = plan(defaults={"sizing_strategy": "rightsize"})
    assert use_in_plan(services(refused), asked, INVENTORY) == {}
