"""What every call of the lab's API meets: keys, paging, quotas, stock, rate limit, and faults by rule."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from cloud_under_test import Cloud, make_cloud
from scaleway import Client
from scaleway.account.v3 import AccountV3ProjectAPI
from scaleway.block.v1 import BlockV1API, CreateVolumeRequestFromEmpty
from scaleway.iam.v1alpha1 import IamV1Alpha1API
from scaleway.instance.v1 import VolumeServerTemplate
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway.product_catalog.v2alpha1 import ProductCatalogV2Alpha1PublicCatalogAPI
from scaleway_core.api import ScalewayException

pytestmark = pytest.mark.usefixtures("trusting")
GB = 10**9


def refused(call: Any, **keywords: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(ScalewayException) as failed:
        call(**keywords)
    return failed.value.status_code, failed.value.response.json()


def new_server(client: Client, **changes: Any) -> Any:
    root = {"0": VolumeServerTemplate(volume_type="sbs_volume", size=10 * GB, boot=None)}
    arguments = {"commercial_type": "POP2-2C-8G", "name": "web", "volumes": root}
    return InstanceUtilsV1API(client).create_server(**arguments | changes)


def test_types_come_fifty_at_a_time(cloud: Cloud) -> None:
    api = InstanceUtilsV1API(cloud.client())
    first = api.list_servers_types()
    pages = [api.list_servers_types(per_page=100, page=page).servers for page in (1, 2, 3)]
    stock = [api.get_server_types_availability(per_page=100, page=page).servers for page in (1, 2)]
    everything = pages[0] | pages[1]
    assert len(first.servers) == 50
    assert first.total_count == str(len(everything))
    assert [len(page) for page in pages] == [100, len(everything) - 100, 0]
    assert set(stock[0] | stock[1]) == set(everything)
    assert everything["POP2-2C-8G"].hourly_price == pytest.approx(0.0735)
    assert {each.arch for each in everything.values()} == {"x86_64", "arm64"}
    assert any(each.end_of_service for each in everything.values())
    assert sum(name.endswith("-WIN") for name in everything) == 5
    assert refused(api.list_servers_types, per_page=101)[0] == 400


def test_block_lists_are_paged_in_the_body(cloud: Cloud) -> None:
    api = BlockV1API(cloud.client())
    for number in range(3):
        api.create_volume(name=f"page-{number}", from_empty=CreateVolumeRequestFromEmpty(size=GB))
    answer = api.list_volumes(page_size=2, name="page-", include_deleted=False)
    assert (len(answer.volumes), answer.total_count) == (2, 3)
    assert len(api.list_volumes_all(page_size=2, name="page-", include_deleted=False)) == 3


def test_catalogue_prices_are_per_hour_or_per_minute(cloud: Cloud) -> None:
    api = ProductCatalogV2Alpha1PublicCatalogAPI(cloud.client())
    products = api.list_public_catalog_products_all(product_types=["instance"], zone="fr-par-1")
    prices = {
        each.product: (each.price.retail_price.units + each.price.retail_price.nanos / 1e9, each)
        for each in products
    }
    euros, cpu = prices["POP2-2C-8G"]
    assert (euros, cpu.unit_of_measure.unit) == (pytest.approx(0.0735), "hour")
    gpu = next(each for _, each in prices.values() if each.unit_of_measure.unit == "minute")
    assert gpu.locality.zone == "fr-par-1"


@pytest.mark.parametrize(("secret", "status"), [("", 401), ("00000000-0000-4000-8000-000000000000", 403)])
def test_keys_are_checked(cloud: Cloud, secret: str, status: int) -> None:
    url = f"{cloud.scaleway.url}/block/v1/zones/fr-par-1/volumes"
    answer = requests.get(url, headers={"X-Auth-Token": secret} if secret else {}, timeout=10)
    assert (answer.status_code, answer.json()["type"]) == (status, "denied_authentication")


def test_account_and_quotas_are_readable(cloud: Cloud) -> None:
    iam = IamV1Alpha1API(cloud.client())
    quotas = {each.name: each for each in iam.list_quota_all()}
    projects = AccountV3ProjectAPI(cloud.client()).list_projects_all()
    assert quotas["cp_servers_type_POP2_2C_8G"].limits[0].limit > 0
    assert iam.get_quotum(quotum_name="sbs_snapshots").limit == 99_999
    assert iam.get_api_key(access_key=cloud.account.access_key).secret_key is None
    assert [each.id for each in projects] == [cloud.account.project(None)]
    foreign = "00000000-0000-4000-8000-00000000000f"
    status, answer = refused(
        BlockV1API(cloud.client()).create_volume, name="x", project_id=foreign,
        from_empty=CreateVolumeRequestFromEmpty(size=GB),
    )  # fmt: skip
    assert (status, answer["type"]) == (403, "permissions_denied")


def test_quota_stock_and_end_of_service_are_refused(cloud: Cloud) -> None:
    client = cloud.client()
    settings = {
        "quotas": {"cp_servers_type_POP2_4C_16G": 0},
        "stock": {"fr-par-1/POP2-8C-32G": "shortage"},
    }
    requests.patch(f"{cloud.scaleway.url}/lab/settings", json=settings, timeout=10).raise_for_status()
    volumes_before = len(cloud.scaleway.world.store.all("volume"))
    quota = refused(new_server, client=client, commercial_type="POP2-4C-16G")
    stock = refused(new_server, client=client, commercial_type="POP2-8C-32G")
    old = refused(new_server, client=client, commercial_type="ENT1-XS")
    unknown = refused(new_server, client=client, commercial_type="POP9-1C")
    assert (quota[0], quota[1]["type"]) == (403, "quotas_exceeded")
    assert quota[1]["details"][0] == {"resource": "cp_servers_type_POP2_4C_16G", "quota": 0, "current": 0}
    assert (stock[0], stock[1]["type"]) == (412, "out_of_stock")
    assert {old[0], unknown[0]} == {400}
    assert len(cloud.scaleway.world.store.all("volume")) == volumes_before


def test_the_state_is_open_to_tests(cloud: Cloud) -> None:
    BlockV1API(cloud.client()).create_volume(name="seen", from_empty=CreateVolumeRequestFromEmpty(size=GB))
    cloud.put({"seen.qcow2": b"x"})
    state = requests.get(f"{cloud.scaleway.url}/lab/state", timeout=10).json()
    names = [each["name"] for each in state["resources"]["volume"] if each["_raw_path"]]
    assert "seen" in names
    assert state["buckets"]["transit"]["objects"]["seen.qcow2"] == 1
    assert state["buckets"]["transit"]["uploads"] == []


def test_one_connection_serves_many_calls(cloud: Cloud) -> None:
    with requests.Session() as session:
        session.verify = str(cloud.tls.ca_file)
        session.headers["X-Auth-Token"] = cloud.account.secret_key
        url = f"{cloud.scaleway.url}/block/v1/zones/fr-par-1"
        answers = [session.get(f"{url}/volume-types", data="{}", timeout=10) for _ in range(100)]
    assert {each.status_code for each in answers} == {200}
    # Head and body in two segments would wait 40 ms for an acknowledgement in every single call.
    assert sorted(each.elapsed.total_seconds() for each in answers)[10] < 0.03


FAULTS = """
rules:
  - {server: scaleway, operation: "GET */volume-types", nth: 1, status: 429}
  - {server: scaleway, operation: "GET */volume-types", nth: 2, status: 502}
  - {server: scaleway, operation: "GET */volume-types", nth: 3, fault: transient_state}
  - {server: scaleway, operation: "POST */volumes", subject: lost-answer, cut_after_bytes: 0}
  - {server: scaleway, operation: "DELETE */volumes/*", subject: kept, status: 503}
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The API alone, with faults and a low rate limit."""
    cloud = make_cloud(tmp_path_factory.mktemp("limited"), faults=FAULTS, calls_per_second=30)
    cloud.scaleway.start()
    yield cloud
    cloud.scaleway.stop()


@pytest.fixture
def faulty_session(limited: Cloud) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(limited.tls.ca_file)
        session.headers["X-Auth-Token"] = limited.account.secret_key
        yield session


def test_faults_have_the_real_shapes(limited: Cloud, faulty_session: requests.Session) -> None:
    url = f"{limited.scaleway.url}/block/v1/zones/fr-par-1/volume-types"
    refused_calls, broken, transient, fine = (faulty_session.get(url, timeout=10) for _ in range(4))
    assert (refused_calls.status_code, refused_calls.content) == (429, b"")
    assert refused_calls.headers["X-Envoy-Ratelimited"] == "true"
    assert (broken.status_code, broken.headers["Content-Type"]) == (502, "text/html")
    assert (transient.status_code, transient.json()["type"]) == (409, "transient_state")
    assert fine.status_code == 200


def test_an_answer_can_be_lost_after_the_deed(limited: Cloud, faulty_session: requests.Session) -> None:
    url = f"{limited.scaleway.url}/block/v1/zones/fr-par-1/volumes"
    body = {"name": "lost-answer", "from_empty": {"size": GB}}
    with pytest.raises(requests.ConnectionError):
        faulty_session.post(url, json=body, timeout=10)
    assert [each["name"] for each in limited.scaleway.world.store.all("volume")] == ["lost-answer"]


def test_rules_know_the_name_behind_an_id(limited: Cloud, faulty_session: requests.Session) -> None:
    url = f"{limited.scaleway.url}/block/v1/zones/fr-par-1/volumes"
    made = faulty_session.post(url, json={"name": "kept", "from_empty": {"size": GB}}, timeout=10).json()
    assert faulty_session.delete(f"{url}/{made['id']}", timeout=10).status_code == 503


def test_bursts_are_limited_without_a_body(limited: Cloud, faulty_session: requests.Session) -> None:
    url = f"{limited.scaleway.url}/iam/v1alpha1/quota"
    answers = [faulty_session.get(url, timeout=10) for _ in range(60)]
    bodies = {each.content for each in answers if each.status_code == 429}
    assert bodies == {b""}
