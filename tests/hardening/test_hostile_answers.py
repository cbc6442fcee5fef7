"""A vCenter and a Scaleway API that lie: broken XML and JSON end in an error that says so, no traceback."""

import json
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from campaign import Campaign, damaged_bytes, mutated
from scripted_api import PROJECT, Say, ScriptedApi
from vsphere_xml import PLACES, envelope, retrieve_answer, vm_row

from v2s_tui.adapters.disk.download import Download
from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.cloud import ScalewayCloud
from v2s_tui.adapters.scaleway.transport import LARGEST_ANSWER_BYTES, Transport
from v2s_tui.adapters.vsphere.answer import BadAnswer, ObjectContent, read_body, read_page
from v2s_tui.adapters.vsphere.places import Places
from v2s_tui.adapters.vsphere.rows import detailed_vm, listed_vm
from v2s_tui.domain.errors import LeaseFailed, TargetError

HARDWARE = (
    '<propSet><name>config.hardware.device</name><val xsi:type="ArrayOfVirtualDevice">'
    '<VirtualDevice xsi:type="VirtualDisk"><key>2000</key><deviceInfo><label>Hard disk 1</label></deviceInfo>'
    '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a/a.vmdk</fileName>'
    "<diskMode>persistent</diskMode><thinProvisioned>true</thinProvisioned></backing>"
    "<controllerKey>1000</controllerKey><unitNumber>0</unitNumber><capacityInBytes>1073741824</capacityInBytes>"
    '</VirtualDevice><VirtualDevice xsi:type="VirtualVmxnet3"><key>4000</key><macAddress>00:50:56:00:00:01'
    "</macAddress></VirtualDevice></val></propSet>"
)
GOOD = retrieve_answer(vm_row("vm-1", "web-01", HARDWARE), vm_row("vm-2", "db"), *PLACES)
SPOILED = (b"xsd:int", b"2000", b"VirtualDisk", b"poweredOn", b"true", b"1073741824", b"efi", b"persistent")


def as_vms(document: bytes) -> list[object]:
    found: list[ObjectContent] = read_page(document)[2]
    vms = [each for each in found if each.ref.kind == "VirtualMachine"]
    return [listed_vm(each, Places()) for each in vms] + [detailed_vm(each, Places(), {}) for each in vms]


def test_damaged_soap_answers() -> None:
    chance, campaign = random.Random(1), Campaign((BadAnswer,))
    for _ in range(400):
        campaign.feed(lambda: as_vms(damaged_bytes(GOOD, chance)))
    campaign.report("SOAP answers, damaged bytes")
    assert campaign.counted["refused as BadAnswer"] > 100


def test_soap_answers_with_values_nobody_knows() -> None:
    chance, campaign = random.Random(2), Campaign((BadAnswer,))
    strange = (b"", b"-1", b"999999999999999999999999", b"poweredSideways", b"NaN", b"\xe2\x80\xae", b"1e9")
    for _ in range(300):
        document = GOOD
        for _ in range(chance.randint(1, 3)):
            document = document.replace(chance.choice(SPOILED), chance.choice(strange), chance.randint(1, 3))
        campaign.feed(lambda document=document: as_vms(document))
    campaign.report("SOAP answers, strange values")
    assert campaign.counted["taken"] > 100


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "document",
    [
        ENTITIES + GOOD.partition(b"?>\n")[2].replace(b"web-01", b"&b;"),
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + GOOD.partition(b"?>\n")[2],
        GOOD.replace(b"web-01", b"<![CDATA[x]]>"),
        envelope("<a>" * 5000 + "</a>" * 5000),
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b"\xff\xfe" + GOOD,
        GOOD[:-200] + b"\0" * 200,
    ],
    ids=["entities", "external", "cdata", "deep", "empty", "html", "utf-16 mark", "zeros"],
)
def test_answers_no_vcenter_gives_are_refused(document: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_body(document)


def test_a_huge_answer_costs_time_and_memory_in_proportion() -> None:
    document = retrieve_answer(*(vm_row(f"vm-{number}", "n" * 200) for number in range(5000)))
    tracemalloc.start()
    started = time.process_time()
    assert len(read_page(document)[2]) == 5000
    spent, peak_bytes = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = len(document)
    print(f"{size / 1e6:.1f} MB of SOAP: {spent:.2f} s CPU, {peak_bytes / size:.1f} times that in memory")
    assert peak_bytes < 8 * len(document)


@pytest.fixture
def cloud() -> Iterator[tuple[ScriptedApi, ScalewayCloud]]:
    api = ScriptedApi()
    access = ScalewayAccess("SCWXXXXXXXXXXXXXXXXX", "secret", PROJECT, api_url=api.url, rate=100_000)
    made = ScalewayCloud(access, transport=Transport(access, attempts=2, sleep=lambda _: None))
    yield api, made
    made.close()
    api.stop()


ZONE = "fr-par-1"
STAMP = "2026-01-01T00:00:00Z"
BLOCK_SNAPSHOT = {
    "id": PROJECT,
    "name": "s",
    "size": 10**9,
    "project_id": PROJECT,
    "created_at": STAMP,
    "updated_at": STAMP,
    "references": [],
    "status": "available",
    "tags": ["t"],
    "zone": ZONE,
    "class": "sbs",
    "parent_volume": None,
}
SERVER = {
    "server": {
        "id": PROJECT,
        "name": "n",
        "tags": ["t"],
        "state": "running",
        "commercial_type": "DEV1-S",
        "zone": ZONE,
        "volumes": {"0": {"id": PROJECT, "volume_type": "sbs_volume", "zone": ZONE}},
        "public_ips": [],
        "private_nics": [],
        "creation_date": STAMP,
        "project": PROJECT,
        "organization": PROJECT,
        "arch": "x86_64",
    }
}
TYPES = {
    "servers": {
        "DEV1-S": {
            "ncpus": 2,
            "ram": 2**31,
            "arch": "x86_64",
            "monthly_price": 9.0,
            "hourly_price": 0.02,
            "volumes_constraint": {"min_size": 0, "max_size": 0},
            "alt_names": [],
        }
    }
}


def spoiled(good: Any, chance: random.Random) -> bytes:
    return json.dumps(mutated(good, chance), default=str).encode()


@pytest.mark.parametrize(
    ("name", "good", "call"),
    [
        ("Block Storage snapshot", BLOCK_SNAPSHOT, lambda c: c.get("block_snapshot", ZONE, PROJECT)),
        ("Instance", SERVER, lambda c: c.get("instance", ZONE, PROJECT)),
        ("catalogue", TYPES, lambda c: c.catalogue(ZONE)),
        ("list of volumes", {"volumes": [BLOCK_SNAPSHOT]}, lambda c: c.find("volume", ZONE, "t")),
    ],
)
def test_scaleway_answers_of_wrong_shape(
    cloud: tuple[ScriptedApi, ScalewayCloud], name: str, good: Any, call: Callable[[ScalewayCloud], Any]
) -> None:
    api, client = cloud
    chance, campaign = random.Random(3), Campaign((TargetError,))
    for _ in range(80):
        say = Say(chance.choice((200, 200, 200, 200, 400, 403, 409, 500)), spoiled(good, chance))
        api.otherwise = lambda _asked, say=say: say
        campaign.feed(lambda: call(client))
    campaign.report(f"Scaleway answers, {name}")


def test_scaleway_answers_that_are_no_json(cloud: tuple[ScriptedApi, ScalewayCloud]) -> None:
    api, client = cloud
    campaign = Campaign((TargetError,))
    bodies = (
        b"",
        b"<html>busy</html>",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"a":',
        b"0",
        b'"text"',
        b"[" * 50_000,
    )
    for status in (200, 201, 204, 400, 404, 409, 429, 500, 502):
        for body in bodies:
            say = Say(status, body)
            api.otherwise = lambda _asked, say=say: say
            campaign.feed(lambda: client.get("block_snapshot", ZONE, PROJECT))
    campaign.report("Scaleway answers, no JSON")


ERRORS = {
    "type": "invalid_arguments",
    "message": "no",
    "details": [{"argument_name": "size", "reason": "format"}],
    "fields": {"size": ["too big"]},
    "current_state": "starting",
    "resource": "server",
    "help_message": "ask",
}


def test_scaleway_errors_of_wrong_shape(cloud: tuple[ScriptedApi, ScalewayCloud]) -> None:
    api, client = cloud
    chance, campaign = random.Random(8), Campaign((TargetError,))
    for _ in range(150):
        say = Say(chance.choice((400, 403, 409, 422, 500)), spoiled(ERRORS, chance))
        api.otherwise = lambda _asked, say=say: say
        campaign.feed(lambda: client.get("volume", ZONE, PROJECT))
    campaign.report("Scaleway errors")
    assert campaign.counted["taken"] == 0


def test_a_scaleway_answer_without_end_is_stopped(cloud: tuple[ScriptedApi, ScalewayCloud]) -> None:
    api, client = cloud
    endless = Say(200, b'{"a":"' + b"x" * (LARGEST_ANSWER_BYTES + (4 << 20)))
    api.otherwise = lambda _asked: endless
    with pytest.raises(TargetError, match="larger than 32 MiB"):
        client.get("block_snapshot", ZONE, PROJECT)


@pytest.mark.parametrize("scheme", ["http", "file", "ftp"])
def test_a_lease_that_offers_a_disk_in_the_clear_is_not_followed(scheme: str) -> None:
    with pytest.raises(LeaseFailed, match=f"of kind '{scheme}'"):
        Download(
            f"{scheme}://127.0.0.1:1/nfc/1/disk-0.vmdk",
            thumbprint="",
            ca_file="",
            insecure=True,
            stall_seconds=1,
        )
