"""The way to each endpoint: whether it takes a connection, and whether its clock agrees with this host's."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path

from v2s_tui.adapters.reachability.endpoints import Attempt, Endpoint, Trouble, attempt, told_time
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import V2sError
from v2s_tui.usecases.services import Services

DIAL_SECONDS = 5.0
HOSTS_AT_ONCE = 16
"""A cluster behind a closed firewall must not take five seconds a host."""
SKEW_SECONDS = 60
"""Times in events, reports and snapshots begin to mislead."""
REFUSED_SKEW_SECONDS = 900
"""Object Storage refuses a signature whose time is further off (S3: RequestTimeTooSkewed, 15 minutes)."""

Dial = Callable[[Endpoint], Attempt]
_dial: Dial = partial(attempt, timeout_seconds=DIAL_SECONDS)


def check_reach(area: str, endpoint: Endpoint, advice: str, *, dial: Dial = _dial) -> Check:
    """One endpoint that nothing works without. advice: what else to look at when it does not answer."""
    made = dial(endpoint)
    name, place = f"port {endpoint.port}", _place(endpoint.host, endpoint.port)
    if made.trouble is None:
        return Check(area, name, CheckState.OK, f"{place} {_reached(made)}")
    return Check(area, name, CheckState.FAIL, f"{place}: {_why_not(made)}", _fix(made, advice))


def check_hosts(hosts: Iterable[str], *, dial: Dial = _dial) -> Iterator[Check]:
    """Disks come from each ESXi host itself, by its name (reference: vsphere.md 4.2)."""
    endpoints = [Endpoint(host) for host in sorted(set(hosts))]
    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        for made in pool.map(dial, endpoints):
            yield _host(made)


def _host(made: Attempt) -> Check:
    """A host that does not answer hurts the VMs on it only."""
    name, port = made.endpoint.host, f"port {made.endpoint.port}"
    if made.trouble is None:
        return Check("esxi", name, CheckState.OK, f"{port} {_reached(made)}")
    fix = _fix(made, "until then no disk on it can be read")
    return Check("esxi", name, CheckState.WARN, f"{port}: {_why_not(made)}", fix)


def _reached(made: Attempt) -> str:
    return f"answers in {1000 * made.seconds:.0f} ms{_way(made)}"


def _why_not(made: Attempt) -> str:
    """The system's words add something where a name or a proxy is the trouble."""
    reason = f" ({made.reason})" if made.trouble in {Trouble.NAME, Trouble.PROXY} else ""
    return f"{made.trouble}{reason}{_way(made)}"


def _way(made: Attempt) -> str:
    return f" through proxy {_place(*made.endpoint.first_hop)}" if made.endpoint.proxy else ""


def _place(host: str, port: int) -> str:
    return f"{host}:{port}"


def _fix(made: Attempt, advice: str) -> str:
    host, port = made.endpoint.first_hop
    match made.trouble:
        case Trouble.NAME:
            return f"add {host} to this host's DNS or /etc/hosts; {advice}"
        case Trouble.REFUSED:
            return f"nothing listens there or a firewall rejects it: allow TCP {port} to {host}; {advice}"
        case Trouble.PROXY:
            target = _place(made.endpoint.host, made.endpoint.port)
            return f"let the proxy pass CONNECT {target}, or put {made.endpoint.host} into NO_PROXY"
    return f"a firewall drops it or no route leads there: allow TCP {port} to {host}; {advice}"


def check_clock(area: str, told: datetime | None, here: datetime) -> Check:
    """The server's time against this host's; told: None when it tells none."""
    if told is None:
        fix = "compare this host's clock with its NTP server: timedatectl timesync-status"
        return Check(area, "clock", CheckState.WARN, "not known: no answer tells the time", fix)
    skew = abs((told - here).total_seconds())
    detail = f"{skew:.0f} s apart"
    if skew <= SKEW_SECONDS:
        return Check(area, "clock", CheckState.OK, detail)
    fix = f"set this host's clock by NTP (timedatectl set-ntp true): it says {here:%Y-%m-%d %H:%M:%S} UTC"
    if area == "vcenter":
        fix = "set the vCenter's clock by NTP; this host's, where the other clocks are apart as well"
    grave = area != "vcenter" and skew > REFUSED_SKEW_SECONDS
    return Check(area, "clock", CheckState.FAIL if grave else CheckState.WARN, detail, fix)


def time_of_server(url: str, ca_file: Path | None) -> datetime | None:
    """By the `Date` header of an answer; None when none is had."""
    return told_time(url, ca_file=ca_file, timeout_seconds=DIAL_SECONDS)


def time_of_vcenter(services: Services) -> datetime | None:
    """By CurrentTime; None where the account may not ask."""
    try:
        return services.source().server_time()
    except V2sError:
        return None
