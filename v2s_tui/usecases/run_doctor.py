"""`v2s doctor`: look at this host, vCenter, Scaleway and Object Storage; each finding with its fix."""

from collections.abc import Callable, Iterator, Set
from pathlib import Path

from v2s_tui.adapters.reachability.endpoints import Endpoint
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.planning.account_access import MissingAccess, NeededFor
from v2s_tui.domain.planning.source_power import POWER_PRIVILEGES
from v2s_tui.domain.target.private_networks import region_of
from v2s_tui.domain.units import GB, MIB, counted, format_rate
from v2s_tui.usecases.check_endpoints import (
    check_clock,
    check_hosts,
    check_reach,
    time_of_server,
    time_of_vcenter,
)
from v2s_tui.usecases.check_host import check_host
from v2s_tui.usecases.check_pass_through import check_pass_through
from v2s_tui.usecases.check_plan_needs import check_plan_needs
from v2s_tui.usecases.load_inventory import load_inventory
from v2s_tui.usecases.measure_storage import upload_rate
from v2s_tui.usecases.services import Services

_SLOW_BYTES_PER_SECOND = 5 * MIB
_PROXY = "set HTTPS_PROXY where only a proxy gets out"


def run_doctor(
    services: Services, cache: Path, *, fix: bool = False, plan: Path | None = None
) -> Iterator[Check]:
    """Checks as they are made; a failed one never stops the others. fix: see check_host.

    plan: also what this plan file takes from the account.
    """
    yield from check_host(services.work_dir, cache, fix=fix)
    yield from _guarded("vcenter", "login", lambda: _vcenter(services))
    yield from _guarded("scaleway", "access", lambda: _scaleway(services))
    yield from _guarded("storage", "bucket", lambda: _storage(services))
    yield from _guarded("storage", "pass-through", lambda: check_pass_through(services))
    if plan is not None:
        yield from _guarded("plan", "file", lambda: check_plan_needs(services, plan))


def _guarded(area: str, name: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from checks()
    except V2sError as err:
        yield Check(area, name, CheckState.FAIL, err.title, err.hint)
    except OSError as err:
        said = f"{err.filename or 'a file of this host'}: {err.strerror}"
        yield Check(area, name, CheckState.FAIL, said, "look at free space and rights there")
    except ValueError as err:  # of the URL of a proxy, which is read only when it is used
        fix = "write HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT, with %-escapes in the password"
        yield Check(area, name, CheckState.FAIL, f"what is told of the way there is no URL: {err}", fix)


def _vcenter(services: Services) -> Iterator[Check]:
    vmware = services.settings.vmware
    if vmware.vcenter:
        reach = check_reach("vcenter", Endpoint(vmware.vcenter, vmware.port), "check vmware.vcenter")
        yield reach
        if reach.state is CheckState.FAIL:
            return
    yield from _login(services)
    yield check_clock("vcenter", time_of_vcenter(services), services.clock.now())
    yield from _inventory(services)


def _login(services: Services) -> Iterator[Check]:
    vmware, source = services.settings.vmware, services.source()
    yield Check("vcenter", "login", CheckState.OK, f"{vmware.username} at {vmware.vcenter}:{vmware.port}")
    yield Check("vcenter", "version", CheckState.OK, source.version)
    state = CheckState.WARN if vmware.insecure else CheckState.OK
    fix = "set vmware.ca_file or vmware.thumbprint" if vmware.insecure else ""
    yield Check("vcenter", "TLS", state, source.tls_note, fix)


def _inventory(services: Services) -> Iterator[Check]:
    inventory = load_inventory(services, details=False)
    yield Check("vcenter", "inventory", CheckState.OK, f"{len(inventory)} VMs")
    missing = services.source().missing_privileges(vm.moref for vm in list(inventory)[:200])
    yield from _rights({each for group in missing.values() for each in group})
    yield from check_hosts(vm.host for vm in inventory if vm.host)


def _rights(missing: Set[str]) -> Iterator[Check]:
    """What only some plans need is no failure."""
    fix = "give the user's role these privileges on the VMs' folder, propagating"
    if always := sorted(missing - POWER_PRIVILEGES):
        yield Check("vcenter", "rights", CheckState.FAIL, f"missing {', '.join(always)}", fix)
    else:
        yield Check("vcenter", "rights", CheckState.OK, "all that every migration needs")
    if power := sorted(missing & POWER_PRIVILEGES):
        detail = f"missing {', '.join(power)}; `consistency: cold` and `power_off_source` need them"
        yield Check("vcenter", "rights", CheckState.WARN, detail, fix)


def _scaleway(services: Services) -> Iterator[Check]:
    scaleway = services.settings.scaleway
    reach = check_reach("scaleway", Endpoint.of(scaleway.api_url), f"check scaleway.api_url, or {_PROXY}")
    yield reach
    if reach.state is CheckState.FAIL:
        return
    told = time_of_server(scaleway.api_url, scaleway.ca_file)
    yield check_clock("scaleway", told, services.clock.now())
    refused = services.cloud().check_access(scaleway.default_zone)
    yield from map(_refused, refused)
    if not refused:
        yield Check("scaleway", "rights", CheckState.OK, f"project {scaleway.project_id}")
    if all(each.needed_for is not NeededFor.EVERY_PLAN for each in refused):
        yield from _account(services)


def _account(services: Services) -> Iterator[Check]:
    cloud, zone = services.cloud(), services.settings.scaleway.default_zone
    catalogue = cloud.catalogue(zone)
    yield Check("scaleway", "catalogue", CheckState.OK, f"{len(catalogue.types)} types in {catalogue.zone}")
    used = cloud.usage(zone).get("servers", 0)
    limits = sum(1 for limit in cloud.quotas().values() if limit >= 0)
    detail = f"{counted(limits, 'limit')} known, {counted(used, 'Instance')} in use"
    yield Check("scaleway", "quotas", CheckState.OK, detail)


def _refused(missing: MissingAccess) -> Check:
    """What not every plan needs is no failure."""
    if missing.needed_for is NeededFor.EVERY_PLAN:
        return Check("scaleway", "rights", CheckState.FAIL, missing.title, missing.fix)
    detail = f"{missing.title}; {missing.needed_for.value} need it"
    return Check("scaleway", "rights", CheckState.WARN, detail, missing.fix)


def _storage(services: Services) -> Iterator[Check]:
    scaleway = services.settings.scaleway
    advice = f"check scaleway.s3_region and scaleway.s3_endpoint, or {_PROXY}"
    reach = check_reach("storage", Endpoint.of(scaleway.storage_url), advice)
    yield reach
    if reach.state is CheckState.FAIL:
        return
    told = time_of_server(scaleway.storage_url, scaleway.ca_file)
    yield check_clock("storage", told, services.clock.now())
    yield _region(scaleway.default_zone, scaleway.s3_region)
    yield from _bucket(services)


def _region(zone: str, bucket_region: str) -> Check:
    if region_of(zone) == bucket_region:
        return Check("storage", "region", CheckState.OK, f"{bucket_region}, as zone {zone}")
    fix = "set scaleway.s3_region to the zone's own region: imports read from there only"
    return Check("storage", "region", CheckState.FAIL, f"bucket in {bucket_region}, zone {zone}", fix)


def _bucket(services: Services) -> Iterator[Check]:
    bucket, objects = services.settings.scaleway.s3_bucket, services.objects()
    made = objects.ensure_bucket(bucket)
    yield Check("storage", "bucket", CheckState.OK, f"{bucket}{' (made now)' if made else ''}")
    open_uploads = objects.list_uploads(bucket, "migrations/")
    state = CheckState.WARN if open_uploads else CheckState.OK
    fix = "`v2s leftovers` shows them; unfinished uploads are billed" if open_uploads else ""
    yield Check("storage", "unfinished uploads", state, str(len(open_uploads)), fix)
    yield _rate(upload_rate(services))


def _rate(bytes_per_second: float) -> Check:
    """Slow lines are no fault, but a plan should know of them."""
    detail = f"{format_rate(bytes_per_second)} up, one connection of several"
    if bytes_per_second >= _SLOW_BYTES_PER_SECOND:
        return Check("storage", "rate", CheckState.OK, detail)
    hours = 100 * GB / bytes_per_second / 3600
    fix = f"100 GB take {hours:.0f} h at this rate: run v2s nearer to the vCenter or on a faster line"
    return Check("storage", "rate", CheckState.WARN, detail, fix)
