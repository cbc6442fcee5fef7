"""Pre-flight against the lab's real sockets: quotas of the batch, and a network map with every mistake."""

import pytest
from scaleway.block.v1.types import CreateVolumeRequestFromEmpty

from v2s_tui.bootstrap import build_services
from v2s_tui.config.load import load_config
from v2s_tui.lab.up import Lab
from v2s_tui.usecases.check_plan import check_plan_file

pytestmark = pytest.mark.lab

ZONE = "fr-par-1"
PLAN = """
version: 1
defaults: {{zone: fr-par-1, rehearse: "off"}}
private_networks: [{{name: new-net, subnet: 10.60.0.0/24}}]
migrations:
  - {{vm_name: tiny-01, nics: [{{nic: "*", network: {network}, mode: static, addresses: [{first}]}}]}}
  - {{vm_name: tiny-02, nics: [{{nic: "*", network: {network}, mode: static, addresses: [{second}]}}]}}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    running = Lab(tmp_path_factory.mktemp("preflight") / "lab", scenario="tiny")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def services(lab):
    """With a network `old-net` in which 10.50.0.9 is booked."""
    settings = load_config(lab.config_file, {})
    scaleway = settings.scaleway.model_copy(update={"api_rate": 200.0})
    opened = build_services(settings.model_copy(update={"scaleway": scaleway}))
    cloud = opened.cloud()
    network = cloud.create_private_network(ZONE, name="old-net", vpc=None, subnet="10.50.0.0/24", tags=())
    cloud.book_address(ZONE, private_network_id=network.id, address="10.50.0.9", tags=())
    yield opened
    opened.close()


@pytest.fixture
def found(services, tmp_path):
    """What stands against a plan, by code: (VM, title)."""

    def check(first, second, network="old-net"):
        path = tmp_path / "plan.yaml"
        path.write_text(PLAN.format(first=f"{first}/24", second=f"{second}/24", network=network))
        blocking = check_plan_file(services, path).blocking
        return {each.code: (each.vm, each.title) for each in blocking}

    return check


@pytest.fixture
def quotas(lab):
    account = lab.scaleway.world.account
    yield lambda **given: lab.scaleway.world.change_settings({"quotas": given})
    account.quotas.clear()


def test_a_map_without_mistakes_has_nothing_against_it(found):
    assert found("10.50.0.10", "10.50.0.11") == {}
    assert found("10.60.0.10", "10.60.0.11", network="new-net") == {}


@pytest.mark.parametrize(
    ("addresses", "network", "code", "vm", "words"),
    [
        (("10.50.0.9", "10.50.0.11"), "old-net", "address-taken", "tiny-01", "10.50.0.9 in old-net is taken"),
        (("10.50.0.10", "10.51.0.11"), "old-net", "address-outside", "tiny-02", "10.51.0.11 cannot be had"),
        (("10.60.0.1", "10.60.0.11"), "new-net", "address-outside", "tiny-01", "10.60.0.1 cannot be had"),
        (("10.50.0.10", "10.50.0.10"), "old-net", "address-twice", "", "is given to tiny-01, tiny-02"),
        (("10.60.0.10", "10.60.0.10"), "new-net", "address-twice", "", "is given to tiny-01, tiny-02"),
    ],
)
def test_each_mistake_in_the_map_is_found(found, addresses, *, network, code, vm, words):
    against = found(*addresses, network)
    assert set(against) == {code}
    assert against[code][0] == vm
    assert words in against[code][1]


def test_a_network_that_the_quota_does_not_allow_is_found(found, quotas):
    quotas(vpc_private_networks=2)
    assert found("10.60.0.10", "10.60.0.11", network="new-net") == {}
    quotas(vpc_private_networks=1)
    against = found("10.60.0.10", "10.60.0.11", network="new-net")
    assert against == {"network-quota": ("", "1 more Private Networks are wanted, 0 free")}
    assert found("10.50.0.10", "10.50.0.11") == {}


def test_block_storage_that_is_there_already_counts(found, quotas, services):
    cloud = services.cloud()
    before = cloud.block_storage_gb(ZONE)
    wanted = 20
    quotas(sbs_volumes_total_size_gb=before + wanted)
    assert found("10.50.0.10", "10.50.0.11") == {}
    quotas(sbs_volumes_total_size_gb=before + wanted - 1)
    assert found("10.50.0.10", "10.50.0.11") == {
        "block-storage-quota": ("", f"{wanted} more GB of Block Storage are wanted, {wanted - 1} free")
    }


def test_the_networks_are_listed_once(found, services, monkeypatch):
    """Beside the look at one of them that proves the right to."""
    vpc = services.cloud()._apis.vpc
    listed, asked = vpc.list_private_networks, []
    monkeypatch.setattr(
        vpc, "list_private_networks", lambda **how: asked.append(how["page_size"]) or listed(**how)
    )
    found("10.50.0.10", "10.50.0.11")
    assert len([size for size in asked if size > 1]) == 1


def test_volumes_in_a_zone_are_counted_in_gb(services):
    cloud = services.cloud()
    before = cloud.block_storage_gb(ZONE)
    empty = CreateVolumeRequestFromEmpty(size=30 * 10**9)
    cloud._apis.block.create_volume(
        zone=ZONE,
        name="there",
        project_id=cloud._access.project_id,
        perf_iops=5000,
        tags=[],
        from_empty=empty,
    )
    assert cloud.block_storage_gb(ZONE) == before + 30
