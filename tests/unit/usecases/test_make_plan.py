"""The plan for selected VMs: filters chained, rightsizing by measured use where there is a vCenter."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from fakes.plans import vm_named

from v2s_tui.domain.errors import ConfigError
from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.source.filters import parse_filter, size_filter
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.target.sizing import MeasuredUse
from v2s_tui.usecases.make_plan import PlanRequest, plan_selection
from v2s_tui.usecases.services import Services

NOW = datetime(2026, 3, 1, tzinfo=UTC)
INVENTORY = Inventory((vm_named("web-1"), vm_named("db-1"), vm_named("web-2", disks=3)), "vc", NOW)


def refused(*_: Any) -> Any:
    raise ConfigError("not configured")


def services(source: Any) -> Services:
    made = SimpleNamespace(
        source=source, cloud=refused, catalogues={}, measured={}, clock=SimpleNamespace(now=lambda: NOW)
    )
    return cast(Services, made)


def test_filters_are_chained() -> None:
    request = PlanRequest(filters=(parse_filter("web-*"), size_filter(min_disk=2)))
    plan = plan_selection(services(refused), INVENTORY, request)
    assert [each.vm_name for each in plan.migrations] == ["web-2"]
    assert plan.migrations[0].target_type


def test_rightsizing_asks_vcenter_and_says_so_when_there_is_none() -> None:
    request = PlanRequest(strategy=SizingStrategy.RIGHTSIZE)
    used = SimpleNamespace(measured_use=lambda morefs: {each: MeasuredUse(0.1, 0.06, 7) for each in morefs})
    plan = plan_selection(services(lambda: used), INVENTORY, request)
    assert all("95% of 7 days" in each.notes for each in plan.migrations)
    offline = plan_selection(services(refused), INVENTORY, request)
    assert all("no measured use" in each.notes for each in offline.migrations)
