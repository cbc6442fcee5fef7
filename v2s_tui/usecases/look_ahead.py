"""What a plan means today: which VM goes where, what forbids it, how long it takes and what it costs.

One answer for the app's Sizing, Plan and Estimate screens, for `plan check`, `batch estimate` and for the
check before a run.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from v2s_tui.domain.errors import ConfigError, TargetError
from v2s_tui.domain.execution.transfer import first_choice
from v2s_tui.domain.planning.cost import Cost, plan_cost
from v2s_tui.domain.planning.forecast import Forecast, forecast
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.preflight.check import blocking, gravest_first, preflight
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts
from v2s_tui.domain.planning.preflight.window_rules import window_findings
from v2s_tui.domain.planning.rates import Rates
from v2s_tui.domain.planning.resolve import resolve
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.planning.simulation import TransferOf
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType
from v2s_tui.usecases.load_catalogue import load_catalogue
from v2s_tui.usecases.measure_use import use_in_plan
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.site_rates import site_rates
from v2s_tui.usecases.transfers import transfer_of


@dataclass(frozen=True)
class Outlook:
    """The plan met the inventory and the catalogues. catalogues: by zone, of every zone the plan uses.

    prices: storage and address prices by key, None when the API was not to be asked. work_free_bytes: of the
    work folder's disk. rates: measured in earlier batches here. transfer_of: how a VM's disks will be
    moved. facts: what the findings were found by, None before with_facts. image: one is made of each VM.
    """

    plan: BatchPlan
    resolved: ResolvedPlan
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    prices: Mapping[str, float] | None = None
    work_free_bytes: int | None = None
    rates: Rates | None = None
    transfer_of: TransferOf = first_choice
    findings: tuple[Finding, ...] = ()
    facts: PreflightFacts | None = None
    image: bool = False

    def with_facts(self, facts: PreflightFacts) -> "Outlook":
        """The same with what pre-flight finds, given these facts."""
        found = preflight(self.resolved, lambda zone: self.catalogues[zone], facts)
        if any(wave.not_after for wave in self.resolved.waves):
            windows = window_findings(self.resolved, self.forecast.timeline, facts.now)
            found = gravest_first((*found, *windows))
        return replace(self, findings=found, facts=facts)

    @cached_property
    def blocking(self) -> tuple[Finding, ...]:
        """Findings that forbid the start."""
        return blocking(self.findings)

    @cached_property
    def chosen_names(self) -> frozenset[str]:
        """VMs whose type the plan itself names."""
        named = {line.selector for line in self.plan.migrations if line.vm_name and line.target_type}
        return frozenset(each.name for each in self.resolved.vms if {each.name, each.vm.path} & named)

    def type_of(self, planned: PlannedVm) -> InstanceType | None:
        """The type the VM goes to; None when none fits or the zone does not offer it."""
        catalogue = self.catalogues.get(planned.zone)
        return catalogue.get(planned.target_type) if catalogue and planned.target_type else None

    @cached_property
    def cost(self) -> Cost:
        """Per month and once."""
        vms = self.resolved.vms
        return plan_cost(vms, lambda zone: self.catalogues[zone], prices=self.prices, image=self.image)

    @cached_property
    def forecast(self) -> Forecast:
        """Time, bottleneck and work space with the plan's own limits."""
        return self.what_if(self.resolved.limits)

    @property
    def known_forecast(self) -> Forecast | None:
        """The forecast where it was made already."""
        return self.__dict__.get("forecast")

    def what_if(self, limits: Limits, *, runs: int | None = None) -> Forecast:
        """The same with other limits. runs: few answer sooner."""
        return forecast(
            self.resolved,
            rates=self.rates,
            limits=limits,
            work_disk_bytes=self.work_free_bytes,
            transfer_of=self.transfer_of,
            runs=runs,
        )


def look_ahead(services: Services, plan: BatchPlan, inventory: Inventory, *, strict: bool = True) -> Outlook:
    """Resolve the plan. strict: a VM the plan names and the inventory lacks is a PlanError."""
    catalogues: dict[str, Catalogue] = {}

    def catalogue_of(zone: str) -> Catalogue:
        if zone not in catalogues:
            catalogues[zone] = load_catalogue(services, zone)
        return catalogues[zone]

    used = use_in_plan(services, plan, inventory)
    resolved = resolve(
        plan,
        inventory,
        catalogue_of,
        strict=strict,
        create_instance=services.settings.scaleway.create_instance,
        kept_filters=services.settings.filters,
        use_of=lambda vm: used.get(vm.moref),
    )
    return Outlook(
        plan,
        resolved,
        catalogues,
        prices=_prices(services, plan.defaults.zone),
        work_free_bytes=free_bytes(services.work_dir),
        rates=site_rates(services),
        transfer_of=transfer_of(services),
        image=services.settings.scaleway.image,
    )


def _prices(services: Services, zone: str) -> Mapping[str, float] | None:
    try:
        return services.cloud().monthly_prices(zone)
    except (TargetError, ConfigError):
        return None


def free_bytes(folder: Path) -> int | None:
    """Free space where the folder is or will be; None when not even its parents exist."""
    for place in (folder, *folder.parents):
        if place.exists():
            return shutil.disk_usage(place).free
    return None
