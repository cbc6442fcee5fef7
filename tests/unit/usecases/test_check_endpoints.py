"""What a failed connection and a clock that is apart mean to an operator, and how each is mended."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from v2s_tui.adapters.reachability.endpoints import Attempt, Endpoint, Trouble
from v2s_tui.domain.checks import CheckState
from v2s_tui.usecases.check_endpoints import check_clock, check_hosts, check_reach

HERE = datetime(2026, 3, 2, 8, tzinfo=UTC)
API = Endpoint("api.example.com", 8443)
THROUGH_PROXY = Endpoint("api.example.com", 443, "http://me:secret@proxy.lan:3128")


def dialled(trouble=None, reason=""):
    return lambda endpoint: Attempt(endpoint, 0.0123, trouble, reason)


def test_a_connection_is_told_with_its_time():
    check = check_reach("scaleway", API, "check it", dial=dialled())
    assert (check.name, check.state, check.fix) == ("port 8443", CheckState.OK, "")
    assert check.detail == "api.example.com:8443 answers in 12 ms"


def test_the_proxy_on_the_way_is_named_without_its_password():
    check = check_reach("scaleway", THROUGH_PROXY, "check it", dial=dialled())
    assert check.detail.endswith("through proxy proxy.lan:3128")
    refused = check_reach("scaleway", THROUGH_PROXY, "check it", dial=dialled(Trouble.PROXY, "403"))
    assert refused.detail.endswith("(403) through proxy proxy.lan:3128")
    assert "let the proxy pass CONNECT api.example.com:443" in refused.fix
    absent = check_reach("scaleway", THROUGH_PROXY, "check it", dial=dialled(Trouble.REFUSED))
    assert "allow TCP 3128 to proxy.lan" in absent.fix
    assert "secret" not in f"{check}{refused}"


@pytest.mark.parametrize(
    ("trouble", "detail", "fix"),
    [
        (Trouble.NAME, "cannot be resolved (no such name)", "DNS or /etc/hosts"),
        (Trouble.REFUSED, "refused", "a firewall rejects it: allow TCP 8443 to api.example.com"),
        (Trouble.SILENT, "no answer", "a firewall drops it or no route leads there: allow TCP 8443"),
    ],
)
def test_each_trouble_has_its_own_fix(trouble, detail, fix):
    check = check_reach("vcenter", API, "check vmware.vcenter", dial=dialled(trouble, "no such name"))
    assert check.state is CheckState.FAIL
    assert check.detail.endswith(detail)
    assert fix in check.fix
    assert check.fix.endswith("; check vmware.vcenter")


def test_every_host_is_dialled_once_by_its_name_and_all_at_once():
    """A host that does not answer is a warning: only the VMs on it are hurt."""
    names = [f"esxi-{number}" for number in range(10)]
    together = threading.Barrier(len(names))

    def dial(endpoint):
        together.wait(5)
        silent = endpoint.host == "esxi-3"
        return Attempt(endpoint, 5.0, Trouble.SILENT if silent else None)

    checks = list(check_hosts([*reversed(names), *names], dial=dial))
    assert [each.name for each in checks] == names
    assert {each.area for each in checks} == {"esxi"}
    assert [each.name for each in checks if each.state is CheckState.WARN] == ["esxi-3"]
    assert "allow TCP 443 to esxi-3" in checks[3].fix


@pytest.mark.parametrize(
    ("area", "seconds", "state"),
    [
        ("scaleway", 60, CheckState.OK),
        ("scaleway", -61, CheckState.WARN),
        ("storage", 900, CheckState.WARN),
        ("storage", -901, CheckState.FAIL),
        ("vcenter", 86400, CheckState.WARN),
    ],
)
def test_clocks_may_be_apart_as_far_as_signatures_allow(area, seconds, state):
    check = check_clock(area, HERE + timedelta(seconds=seconds), HERE)
    assert (check.state, check.detail) == (state, f"{abs(seconds)} s apart")
    assert ("NTP" in check.fix) is (state is not CheckState.OK)


def test_a_clock_that_is_not_told_is_not_well():
    check = check_clock("storage", None, HERE)
    assert check.state is CheckState.WARN
    assert check.detail.startswith("not known")
    assert "timedatectl" in check.fix
