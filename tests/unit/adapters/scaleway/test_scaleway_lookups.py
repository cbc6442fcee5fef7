"""Names become ids; families of types; what errors say."""

from types import SimpleNamespace

import pytest

from v2s_tui.adapters.scaleway.catalogue import family_of
from v2s_tui.adapters.scaleway.lookups import private_network_id, security_group_id, windows_key_id
from v2s_tui.adapters.scaleway.prices import read_monthly_prices
from v2s_tui.domain.errors import NotFound, TargetError

UUID = "7c1f7f5e-3a5e-4b8e-9a36-5a53c6a7c2f1"


def named(*names):
    return [SimpleNamespace(id=f"id-{index}", name=name) for index, name in enumerate(names)]


def apis_with(**lists):
    """List calls that answer everything on the first page, whatever name was asked for."""

    def api(calls):
        return SimpleNamespace(
            **{
                call: lambda items=items, key=key, **_: SimpleNamespace(
                    **{key: items}, total_count=len(items)
                )
                for call, (key, items) in calls.items()
            }
        )

    return SimpleNamespace(**{name: api(calls) for name, calls in lists.items()})


def test_a_network_by_its_exact_name():
    apis = apis_with(vpc={"list_private_networks": ("private_networks", named("prod-net-old", "prod-net"))})
    assert private_network_id(apis, "fr-par-1", "prod-net", "p") == "id-1"
    assert private_network_id(apis, "fr-par-1", UUID, "p") == UUID


def test_two_of_one_name_are_no_guess():
    apis = apis_with(instance={"list_security_groups": ("security_groups", named("web", "web"))})
    with pytest.raises(TargetError, match="2 of the security group in fr-par-1 are named web"):
        security_group_id(apis, "fr-par-1", "web", "p")
    with pytest.raises(NotFound, match="named db"):
        security_group_id(apis, "fr-par-1", "db", "p")
    assert security_group_id(apis, "fr-par-1", "", "p") == ""


def test_windows_gets_the_first_rsa_key():
    keys = [
        SimpleNamespace(id="1", public_key="ssh-ed25519 AAAA", disabled=False),
        SimpleNamespace(id="2", public_key="ssh-rsa AAAA", disabled=True),
        SimpleNamespace(id="3", public_key="ssh-rsa BBBB", disabled=False),
    ]
    apis = apis_with(iam={"list_ssh_keys": ("ssh_keys", keys)})
    assert windows_key_id(apis, "POP2-2C-8G-WIN", "p") == "3"
    assert windows_key_id(apis, "POP2-2C-8G", "p") is None
    assert windows_key_id(apis_with(iam={"list_ssh_keys": ("ssh_keys", keys[:2])}), "X-WIN", "p") is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("POP2-2C-8G", "POP2"),
        ("POP2-HC-2C-4G", "POP2-HC"),
        ("POP2-HN-10", "POP2-HN"),
        ("POP2-2C-8G-WIN", "POP2-WIN"),
        ("DEV1-S", "DEV1"),
        ("H100-SXM-2-80G", "H100-SXM"),
        ("STANDARD3-X2C-8G", "STANDARD3"),
    ],
)
def test_families(name, family):
    assert family_of(name) == family


def test_prices_of_the_api_win_over_documented_ones():
    def volume_type(iops, nanos):
        return SimpleNamespace(
            specs=SimpleNamespace(perf_iops=iops),
            pricing=SimpleNamespace(units=0, nanos=nanos),
            snapshot_pricing=None,
        )

    apis = apis_with(
        block={
            "list_volume_types": ("volume_types", [volume_type(5000, 100_000), volume_type(15000, 200_000)])
        }
    )
    prices = read_monthly_prices(apis.block, "fr-par-1")
    assert prices["block_gb"] == pytest.approx(0.073)
    assert prices["block_gb_15k"] == pytest.approx(0.146)
    assert prices["snapshot_gb"] == pytest.approx(0.000044 * 730)
