"""Everything that can be found out about a plan before it runs: from vCenter, Scaleway and this host."""

from dataclasses import replace
from pathlib import Path

from v2s_tui.adapters.formats.plan_files import with_cloud_init
from v2s_tui.adapters.formats.plan_yaml import read_plan
from v2s_tui.adapters.guest import virt_v2v
from v2s_tui.domain.errors import ConfigError, PlanError, SourceError, TargetError
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.preflight.findings import PreflightFacts
from v2s_tui.domain.planning.preflight.quota_rules import BLOCK_STORAGE_USAGE
from v2s_tui.domain.planning.target_nics import target_nics
from v2s_tui.domain.ports import Cloud
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.target.private_networks import PrivateNetwork, Vpc, region_of
from v2s_tui.usecases.check_host import rehearsal_missing
from v2s_tui.usecases.load_inventory import load_inventory
from v2s_tui.usecases.look_ahead import Outlook, free_bytes, look_ahead
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.transfers import work_bytes_of

Networks = dict[str, tuple[PrivateNetwork, ...]]
Vpcs = dict[str, tuple[Vpc, ...]]


def check_plan(services: Services, plan: BatchPlan, inventory: Inventory, *, ask: bool = True) -> Outlook:
    """The outlook with all findings. ask: also look at quotas, usage and rights (slower, needs both ends).

    Raises PlanError for a plan that names unknown VMs.
    """
    outlook = look_ahead(services, plan, inventory)
    facts = PreflightFacts(
        now=services.clock.now(),
        s3_region=services.settings.scaleway.s3_region,
        work_free_bytes=free_bytes(services.work_dir),
        virtio_win=services.settings.conversion.virtio_win_iso is not None,
        rehearsal_missing=rehearsal_missing(),
        virt_v2v_missing=virt_v2v.program_missing(),
        windows_v2v_missing=virt_v2v.windows_part_missing(),
        work_bytes=work_bytes_of(services),
    )
    return outlook.with_facts(_asked(services, outlook, facts) if ask else facts)


def _asked(services: Services, outlook: Outlook, facts: PreflightFacts) -> PreflightFacts:
    zones = {each.zone for each in outlook.resolved.vms}
    try:
        cloud = services.cloud()
        networks, vpcs = _networks(cloud, outlook)
        facts = replace(
            facts,
            quotas=cloud.quotas(),
            usage={zone: _usage(cloud, zone) for zone in zones},
            access_problems=_access_problems(cloud, outlook),
            networks=networks,
            vpcs=vpcs,
        )
    except (TargetError, ConfigError) as err:
        facts = replace(facts, access_problems=(str(err),))
    try:
        morefs = [each.vm.moref for each in outlook.resolved.vms]
        facts = replace(facts, missing_privileges=services.source().missing_privileges(morefs))
    except (SourceError, ConfigError) as err:
        facts = replace(facts, access_problems=(*facts.access_problems, str(err)))
    return facts


def _usage(cloud: Cloud, zone: str) -> dict[str, int]:
    return {**cloud.usage(zone), BLOCK_STORAGE_USAGE: cloud.block_storage_gb(zone)}


def _access_problems(cloud: Cloud, outlook: Outlook) -> tuple[str, ...]:
    missing = cloud.check_access(outlook.plan.defaults.zone)
    return tuple(str(each) for each in missing if each.concerns(outlook.resolved))


def _networks(cloud: Cloud, outlook: Outlook) -> tuple[Networks, Vpcs]:
    """By region, asked only where the plan connects something."""
    regions = {region_of(each.zone) for each in outlook.resolved.vms if target_nics(each)}
    networks = {region: cloud.private_networks(region, with_taken=True) for region in sorted(regions)}
    new = outlook.resolved.private_networks
    return networks, {region: cloud.vpcs(region) for region in sorted(regions) if new}


def check_plan_file(services: Services, path: Path, *, ask: bool = True) -> Outlook:
    """Read a plan file and the inventory, and check the one against the other.

    Raises PlanError with file, line and column, and what reading the inventory raises.
    """
    loaded = read_plan(path)
    try:
        plan = with_cloud_init(loaded.plan, path.parent)
        return check_plan(services, plan, load_inventory(services), ask=ask)
    except PlanError as err:
        raise loaded.locate(err) from err
