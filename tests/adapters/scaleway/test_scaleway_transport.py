"""What the stock SDK gets wrong, through the SDK's own calls and real sockets."""

import contextlib
import json
import threading

import pytest
from scripted_api import PROJECT, Say

from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.cloud import ScalewayCloud
from v2s_tui.domain.errors import (
    ImportRefused,
    NotFound,
    OutOfStock,
    QuotaExceeded,
    RateLimited,
    TargetError,
    TargetUnavailable,
)

ZONE = "fr-par-1"
SNAPSHOT = {
    "id": "s-1",
    "name": "disk-0",
    "size": 10**10,
    "project_id": PROJECT,
    "references": [],
    "status": "creating",
    "tags": ["v2s:b:m"],
    "zone": ZONE,
    "class": "sbs",
    "public": False,
}
EMPTY_429 = Say(429, headers={"X-Envoy-Ratelimited": "true"})
HTML_502 = Say(502, b"<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"})


def an_import(cloud: ScalewayCloud):
    return cloud.import_snapshot(ZONE, bucket="b", key="k.qcow2", name="disk-0", tags=("v2s:b:m",))


def test_an_empty_429_is_tried_again_even_for_a_create(api, cloud, pauses):
    api.script = [EMPTY_429, EMPTY_429, Say(200, SNAPSHOT)]
    assert an_import(cloud).id == "s-1"
    assert len(api.asked) == 3
    assert pauses == [0.5, 1.0], "the wait doubles"


def test_a_429_that_stays_is_an_error_that_says_so(api, cloud):
    api.otherwise = lambda _: EMPTY_429
    with pytest.raises(RateLimited, match="HTTP 429 without an explanation") as caught:
        an_import(cloud)
    assert caught.value.transient
    assert len(api.asked) == 6


def test_html_from_a_proxy_keeps_its_status_and_is_tried_again_for_a_read(api, cloud):
    api.script = [HTML_502, HTML_502, Say(200, SNAPSHOT | {"status": "available"})]
    found = cloud.get("block_snapshot", ZONE, "s-1")
    assert found is not None
    assert (found.state.value, found.size_bytes) == ("ready", 10**10)


def test_a_create_is_not_repeated_after_a_5xx(api, cloud):
    api.otherwise = lambda _: HTML_502
    with pytest.raises(TargetUnavailable, match="HTTP 502") as caught:
        an_import(cloud)
    assert caught.value.status == 502
    assert len(api.asked) == 1


def test_a_create_whose_connection_broke_is_not_repeated(api, cloud):
    api.script = [Say(cut=True)]
    with pytest.raises(TargetUnavailable, match="found again by its tag"):
        an_import(cloud)
    assert len(api.asked) == 1


def test_a_read_whose_connection_broke_is_repeated(api, cloud):
    api.script = [Say(cut=True), Say(200, SNAPSHOT)]
    assert cloud.get("block_snapshot", ZONE, "s-1") is not None
    assert len(api.asked) == 2


def test_nobody_listening_is_tried_again_and_then_said(api, cloud, pauses):
    api.stop()
    with pytest.raises(TargetUnavailable, match="no answer from the Scaleway API"):
        an_import(cloud)
    assert len(pauses) == 5, "a connection that was never opened made nothing"
    api.__init__()  # the fixture stops it again


def test_a_server_that_hangs_ends_in_a_timeout(api):
    release = threading.Event()

    def hang(_asked):
        release.wait(5)
        return Say(200, {})

    api.otherwise = hang
    access = ScalewayAccess("SCW", "secret", PROJECT, api_url=api.url, read_seconds=0.1, rate=1000)
    cloud = ScalewayCloud(access)
    with pytest.raises(TargetUnavailable, match="timed out"):
        an_import(cloud)
    release.set()
    cloud.close()


def test_a_transient_state_is_waited_out(api, cloud):
    busy = Say(409, {"type": "transient_state", "resource": "server", "current_state": "starting"})
    api.script = [busy, busy, Say(202, {"task": None})]
    cloud.instance_action(ZONE, "i-1", "poweron")
    assert api.calls() == [f"POST /instance/v1/zones/{ZONE}/servers/i-1/action"] * 3


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (
            (
                403,
                {"type": "quotas_exceeded", "details": [{"resource": "ips", "quota": 5, "current": 5}]},
            ),
            QuotaExceeded,
            "ips: 5 of 5 used",
        ),
        ((412, {"type": "out_of_stock", "resource": "POP2"}), OutOfStock, "out of stock"),
        ((404, {"type": "not_found", "resource": "snapshot"}), NotFound, "not found"),
        (
            (403, {"type": "permissions_denied", "details": [{"action": "write", "resource": "block"}]}),
            TargetError,
            "may not write block",
        ),
        ((401, {"type": "denied_authentication", "reason": "expired"}), TargetError, "has the key expired"),
        (
            (
                400,
                {
                    "type": "invalid_arguments",
                    "details": [{"argument_name": "perf_iops", "help_message": "5000 or 15000"}],
                },
            ),
            TargetError,
            "perf_iops 5000 or 15000",
        ),
        ((400, {"message": "Validation Error", "fields": {"name": ["too long"]}}), TargetError, "name"),
    ],
)
def test_answers_become_errors_that_say_what_to_do(api, cloud, answer, error, text):
    status, body = answer
    api.otherwise = lambda _: Say(status, body, {"X-Request-Id": "req-7"})
    with pytest.raises(error, match=text) as caught:
        cloud.create_volume(ZONE, snapshot_id="s-1", name="v", tags=(), perf_iops=5000)
    assert "request req-7" in str(caught.value)
    assert caught.value.status == status


def test_a_400_to_an_import_is_about_the_object(api, cloud):
    api.script = [Say(400, {"type": "invalid_request_error", "message": "qcow2 has a backing file"})]
    with pytest.raises(ImportRefused, match="backing file"):
        an_import(cloud)


def test_one_connection_serves_many_calls(api, cloud):
    api.otherwise = lambda _: Say(200, SNAPSHOT)
    for _ in range(10):
        cloud.get("block_snapshot", ZONE, "s-1")
    assert api.connections == 1


def test_the_secret_is_in_the_header_and_nowhere_else(api, cloud):
    api.script = [Say(200, SNAPSHOT)]
    an_import(cloud)
    assert {name.lower(): value for name, value in api.asked[0].headers.items()}["x-auth-token"] == "secret"
    assert "secret" not in repr(ScalewayAccess("SCW", "secret", PROJECT))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_secret_does_not_follow_an_answer_that_sends_elsewhere(api, cloud, status):
    api.script = [Say(status, headers={"Location": f"{api.url}/elsewhere"})]
    with pytest.raises(TargetError, match=f"HTTP {status}, sent on to .*/elsewhere") as raised:
        an_import(cloud)
    assert len(api.asked) == 1
    assert "scaleway.api_url" in raised.value.hint


@pytest.mark.parametrize(
    "call",
    [
        lambda cloud: cloud.catalogue(ZONE),
        lambda cloud: cloud.quotas(),
        lambda cloud: cloud.usage(ZONE),
        lambda cloud: cloud.block_storage_gb(ZONE),
        lambda cloud: cloud.monthly_prices(ZONE),
        lambda cloud: cloud.private_networks(ZONE, with_taken=True),
        lambda cloud: cloud.vpcs(ZONE),
        lambda cloud: cloud.create_ip(ZONE, tags=()),
        lambda cloud: cloud.create_image(
            ZONE, name="i", root_snapshot_id="s", extra_snapshot_ids=(), tags=()
        ),
        an_import,
    ],
)
@pytest.mark.parametrize("answer", [{}, [], {"dashboard": None, "servers": None, "ips": [None]}, b"<html>"])
def test_an_answer_that_is_not_the_apis_is_an_error_of_ours(api, cloud, call, answer):
    api.otherwise = lambda _: Say(200, answer)
    with contextlib.suppress(TargetError):
        call(cloud)


def test_an_error_page_that_repeats_the_secret_does_not_pass_it_on(api, cloud):
    api.script = [Say(400, {"message": "you sent X-Auth-Token: secret", "type": "invalid_arguments"})]
    with pytest.raises(TargetError) as raised:
        cloud.get("block_snapshot", ZONE, "s-1")
    assert "X-Auth-Token: ***" in str(raised.value)


def test_sizes_that_nobody_meant_are_not_sent(api, cloud):
    api.script = [Say(200, SNAPSHOT | {"type": "sbs_5k", "status": "creating"})]
    cloud.create_volume(ZONE, snapshot_id="s-1", name="v", tags=("t",), perf_iops=15000)
    assert api.asked[0].json["from_snapshot"] == {"snapshot_id": "s-1"}
    assert api.asked[0].json["perf_iops"] == 15000


def types_page(asked) -> Say:
    """107 types, 50 to a page at most, whatever was asked for."""
    page = int(dict(pair.split("=") for pair in asked.query.split("&"))["page"])
    rows = {
        f"POP2-{number}C": {"ncpus": number, "ram": 2**30, "arch": "x86_64", "hourly_price": 0.1}
        for number in range(107)
    }
    names = sorted(rows)[(page - 1) * 50 : page * 50]
    key = {"servers": {name: rows[name] for name in names}}
    if asked.path.endswith("availability"):
        key = {"servers": {name: {"availability": "scarce"} for name in names}}
    return Say(200, key, {"X-Total-Count": "107"})


def test_all_pages_of_types_are_read(api, cloud):
    api.otherwise = types_page
    catalogue = cloud.catalogue(ZONE)
    assert len(catalogue.types) == 107
    assert {each.stock.value for each in catalogue.types} == {"scarce"}
    assert len(api.asked) == 6


def test_a_list_without_a_total_that_ignores_pages_ends(api, cloud):
    api.otherwise = lambda _: Say(200, {"snapshots": [SNAPSHOT]})
    assert [each.id for each in cloud.find("block_snapshot", ZONE, "v2s:b:m")] == ["s-1"]
    assert cloud.find("block_snapshot", ZONE, "v2s:other") == ()


def test_what_is_gone_is_none_and_deleted(api, cloud):
    assert cloud.get("volume", ZONE, "v-1") is None
    cloud.delete("volume", ZONE, "v-1")


def test_bodies_are_json_and_booleans_lower_case(api, cloud):
    api.otherwise = lambda _: Say(200, {"snapshots": [], "total_count": 0})
    cloud.find("block_snapshot", ZONE, "v2s:b:m")
    assert "include_deleted=false" in api.asked[0].query
    assert json.loads(api.asked[0].body or b"{}") == {}


SERVER = {
    "id": "i-1",
    "name": "web-01",
    "state": "stopped",
    "zone": ZONE,
    "tags": [],
    "volumes": {"0": {"id": "v-1", "volume_type": "sbs_volume", "zone": ZONE}},
}
VOLUME = SNAPSHOT | {"id": "v-1", "status": "in_use", "specs": {"perf_iops": 5000, "class": "sbs"}}


def test_an_instance_is_gone_once_its_volumes_are_free(api, cloud, pauses):
    """Scaleway frees them some seconds later; until then it refuses to delete or attach them (412)."""
    free = Say(200, VOLUME | {"status": "available"})
    api.script = [Say(200, {"server": SERVER}), Say(200, {"server": SERVER}), Say(204)]
    api.script += [Say(200, VOLUME), Say(200, VOLUME), free]
    cloud.delete("instance", ZONE, "i-1")
    assert [call.rpartition("/")[2] for call in api.calls()] == ["i-1", "detach-volume", "i-1", *3 * ["v-1"]]
    assert pauses == [2.0, 2.0]


def test_a_running_instance_keeps_its_volumes_when_its_deletion_is_refused(api, cloud):
    api.otherwise = lambda _: Say(200, {"server": SERVER | {"state": "running"}})
    with pytest.raises(TargetError, match="web-01 is running"):
        cloud.delete("instance", ZONE, "i-1")
    assert [each.method for each in api.asked] == ["GET"]


def test_a_volume_that_is_never_freed_is_waited_for_a_minute_only(api, cloud, pauses):
    api.script = [Say(200, {"server": SERVER}), Say(200, {"server": SERVER}), Say(204)]
    api.otherwise = lambda _: Say(200, VOLUME)
    cloud.delete("instance", ZONE, "i-1")
    assert sum(pauses) == 60
