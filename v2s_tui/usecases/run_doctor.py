"""`v2s doctor`: look at this host, vCenter, Scaleway and Object Storage; each finding with its fix."""

import email.utils
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.planning.account_access import MissingAccess, NeededFor
from v2s_tui.domain.units import GB, MIB, format_rate
from v2s_tui.usecases.check_host import check_host
from v2s_tui.usecases.load_inventory import load_inventory
from v2s_tui.usecases.measure_storage import upload_rate
from v2s_tui.usecases.services import Services

_SKEW_SECONDS = 60
_DIAL_SECONDS = 5.0
_SLOW_BYTES_PER_SECOND = 5 * MIB


def run_doctor(services: Services, cache: Path, *, fix: bool = False) -> Iterator[Check]:
    """Checks as they are made; a failed one never stops the others. fix: see check_host."""
    yield from check_host(services.work_dir, cache, fix=fix)
    yield from _guarded("vcenter", "inventory", lambda: _vcenter(services))
    yield from _guarded("scaleway", "access", lambda: _scaleway(services))
    yield from _guarded("storage", "bucket", lambda: _storage(services))


def _guarded(area: str, name: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from checks()
    except V2sError as err:
        yield Check(area, name, CheckState.FAIL, err.title, err.hint)


def _vcenter(services: Services) -> Iterator[Check]:
    vmware = services.settings.vmware
    source = services.source()
    yield Check("vcenter", "login", CheckState.OK, f"{vmware.username} at {vmware.vcenter}:{vmware.port}")
    yield Check("vcenter", "version", CheckState.OK, source.version)
    state = CheckState.WARN if vmware.insecure else CheckState.OK
    fix = "set vmware.ca_file or vmware.thumbprint" if vmware.insecure else ""
    yield Check("vcenter", "TLS", state, source.tls_note, fix)
    inventory = load_inventory(services, details=False)
    yield Check("vcenter", "inventory", CheckState.OK, f"{len(inventory)} VMs")
    missing = source.missing_privileges(vm.moref for vm in list(inventory)[:200])
    names = sorted({each for group in missing.values() for each in group})
    if names:
        fix = "give the user's role these privileges on the VMs' folder, propagating"
        yield Check("vcenter", "rights", CheckState.FAIL, f"missing {', '.join(names)}", fix)
    else:
        yield Check("vcenter", "rights", CheckState.OK, "all that a migration needs")
    for host in sorted({vm.host for vm in inventory if vm.host}):
        yield _host_by_name(host)


def _host_by_name(host: str) -> Check:
    """Disks come from the ESXi host itself, by its name (reference: vsphere.md 4.2)."""
    name = f"ESXi host {host}"
    try:
        with socket.create_connection((host, 443), timeout=_DIAL_SECONDS):
            return Check("vcenter", name, CheckState.OK, "port 443 answers")
    except OSError as err:
        fix = "the conversion host must resolve every ESXi host's name and reach its port 443"
        return Check("vcenter", name, CheckState.WARN, f"port 443 does not answer ({err})", fix)


def _scaleway(services: Services) -> Iterator[Check]:
    scaleway = services.settings.scaleway
    cloud = services.cloud()
    refused = cloud.check_access(scaleway.default_zone)
    yield from map(_refused, refused)
    if not refused:
        yield Check("scaleway", "rights", CheckState.OK, f"project {scaleway.project_id}")
    catalogue = cloud.catalogue(scaleway.default_zone)
    yield Check("scaleway", "catalogue", CheckState.OK, f"{len(catalogue.types)} types in {catalogue.zone}")
    used = cloud.usage(scaleway.default_zone).get("servers", 0)
    limits = sum(1 for limit in cloud.quotas().values() if limit >= 0)
    yield Check("scaleway", "quotas", CheckState.OK, f"{limits} limits known, {used} Instances in use")
    yield _clock("scaleway", scaleway.api_url, services)


def _refused(missing: MissingAccess) -> Check:
    """What not every plan needs is no failure."""
    if missing.needed_for is NeededFor.EVERY_PLAN:
        return Check("scaleway", "rights", CheckState.FAIL, missing.title, missing.fix)
    detail = f"{missing.title}; {missing.needed_for.value} need it"
    return Check("scaleway", "rights", CheckState.WARN, detail, missing.fix)


def _storage(services: Services) -> Iterator[Check]:
    scaleway = services.settings.scaleway
    if not scaleway.default_zone.startswith(scaleway.s3_region):
        fix = "set scaleway.s3_region to the zone's own region: imports read from there only"
        detail = f"bucket in {scaleway.s3_region}, zone {scaleway.default_zone}"
        yield Check("storage", "region", CheckState.FAIL, detail, fix)
    made = services.objects().ensure_bucket(scaleway.s3_bucket)
    yield Check("storage", "bucket", CheckState.OK, f"{scaleway.s3_bucket}{' (made now)' if made else ''}")
    open_uploads = services.objects().list_uploads(scaleway.s3_bucket, "migrations/")
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


def _clock(area: str, url: str, services: Services) -> Check:
    """Signatures fail when the clocks differ; the server's Date header tells its time."""
    parts = urlsplit(url)
    ca_file = services.settings.scaleway.ca_file
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    connection = HTTPSConnection(parts.netloc, timeout=_DIAL_SECONDS, context=context)
    try:
        connection.request("HEAD", "/")
        date = connection.getresponse().getheader("Date")
    except OSError as err:
        return Check(area, "clock", CheckState.WARN, f"no answer ({err})", "check the network")
    finally:
        connection.close()
    if not date:
        return Check(area, "clock", CheckState.OK, "the server does not tell its time")
    skew = abs((_time_of(date) - services.clock.now()).total_seconds())
    if skew > _SKEW_SECONDS:
        return Check(area, "clock", CheckState.FAIL, f"{skew:.0f} s apart", "set this host's clock by NTP")
    return Check(area, "clock", CheckState.OK, f"{skew:.0f} s apart")


def _time_of(date: str) -> datetime:
    return email.utils.parsedate_to_datetime(date)
