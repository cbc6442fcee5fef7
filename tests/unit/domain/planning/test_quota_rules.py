"""Quotas that a batch draws on as a whole: what does not fit blocks, what only a default forbids warns."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from planned_vms import planned_vm, resolved_plan, source_vm

from v2s_tui.domain.planning.plan_options import NewNetwork, VolumeClass
from v2s_tui.domain.planning.preflight.check import preflight
from v2s_tui.domain.planning.preflight.findings import PreflightFacts, Severity
from v2s_tui.domain.planning.preflight.quota_rules import quota_findings, volumes_gb
from v2s_tui.domain.planning.resolved import PlannedDisk
from v2s_tui.domain.source.vm import Disk
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.domain.target.private_networks import PrivateNetwork
from v2s_tui.domain.units import GB

FACTS = PreflightFacts(now=datetime(2026, 3, 2, tzinfo=UTC), quotas={}, networks={"fr-par": ()})


def of_size(name, *sizes_gb, **planned):
    disks = tuple(Disk(2000 + n, f"Hard disk {n + 1}", size * GB) for n, size in enumerate(sizes_gb))
    return planned_vm(name, source_vm(name, disks=disks), **planned)


def found(plan, **facts):
    return [(each.severity, each.code, each.title) for each in quota_findings(plan, replace(FACTS, **facts))]


THREE = resolved_plan(
    of_size("a", 1000, wave="one"), of_size("c", 900, wave="two"), of_size("b", 500, 600, wave="one")
)


def test_volumes_are_whole_gb_and_the_first_has_ten():
    assert volumes_gb(of_size("a", 3, 4)) == 14
    vm = planned_vm("a", source_vm("a", disks=(Disk(2000, "Hard disk 1", 40 * GB + 1),)))
    assert volumes_gb(vm) == 41
    skipped = PlannedDisk(2001, skip=True, volume_class=VolumeClass.SBS_5K)
    assert volumes_gb(of_size("a", 20, 500, disks=(skipped,))) == 20
    assert volumes_gb(of_size("a")) == 0


@pytest.mark.parametrize("name", ["sbs_volumes_total_size_gb", "block_total_size", "SBS-total-GB@fr-par"])
def test_block_storage_beyond_the_quota_blocks(name):
    usage = {"fr-par-1": {"block_storage_gb": 500}, "fr-par-2": {"block_storage_gb": 100}}
    assert found(THREE, quotas={name: 3600}, usage=usage) == []
    ((severity, code, title),) = found(THREE, quotas={name: 3599}, usage=usage)
    assert (severity, code) == (Severity.BLOCKS, "block-storage-quota")
    assert title == "3,000 more GB of Block Storage are wanted, 2,999 free"


def test_it_says_who_is_the_first_without_and_how_much_more_to_ask_for():
    (one,) = quota_findings(THREE, replace(FACTS, quotas={"sbs_volumes_total_size_gb": 2000}))
    assert one.why == "0 of 2,000 are in use; b is the first without", "in the order of the waves"
    assert "ask Scaleway's support for 1,000 more" in one.fix


def test_other_quotas_of_storage_are_not_taken_for_it():
    others = {"sbs_volumes": 1, "instance_volumes_l_ssd_total_gb": 1, "sbs_snapshots": 1, "rdb_block_gb": 1}
    assert found(THREE, quotas=others) == []


def test_where_the_account_names_none_the_default_is_warned_of():
    usage = {"fr-par-1": {"block_storage_gb": 2001}}
    assert found(THREE, usage={"fr-par-1": {"block_storage_gb": 2000}}) == []
    ((severity, code, title),) = found(THREE, usage=usage)
    assert (severity, code) == (Severity.WARNS, "block-storage-quota")
    assert title == "3,000 more GB of Block Storage are wanted, 2,001 are in use"
    assert found(THREE, usage=usage, quotas={"sbs_total_gb": -1}) == [], "no limit at all"
    assert found(THREE, usage=usage, quotas=None) == [], "not asked"


def test_who_becomes_no_instance_has_no_volumes():
    vms = tuple(replace(each, create_instance=False) for each in THREE.vms)
    assert found(replace(THREE, vms=vms), quotas={"sbs_total_gb": 1}) == []


def test_a_limit_of_a_zone_counts_what_is_there():
    vms = (of_size("a", 100), of_size("b", 100, zone="fr-par-2"))
    plan = resolved_plan(*vms)
    usage = {"fr-par-1": {"block_storage_gb": 1000}, "fr-par-2": {"block_storage_gb": 0}}
    assert found(plan, quotas={"sbs_total_gb@fr-par-2": 100}, usage=usage) == []
    (one,) = quota_findings(plan, replace(FACTS, quotas={"sbs_total_gb@fr-par-2": 99}, usage=usage))
    assert one.title.startswith("100 more GB")
    assert "in fr-par-2" in one.why


def networks_plan(*names):
    nics = tuple(PlannedNic(name, f"00:50:56:00:00:0{n}", name, name) for n, name in enumerate(names))
    return resolved_plan(
        planned_vm("a", nics=nics), private_networks=tuple(NewNetwork(name=name) for name in names)
    )


def there(count):
    return {"fr-par": tuple(PrivateNetwork(f"id-{n}", f"old-{n}") for n in range(count))}


def test_networks_to_be_made_count_against_their_quota():
    plan, quotas = networks_plan("lan", "dmz"), {"vpc_private_networks": 5}
    assert found(plan, quotas=quotas, networks=there(3)) == []
    ((severity, code, title),) = found(plan, quotas=quotas, networks=there(4))
    assert (severity, code) == (Severity.BLOCKS, "network-quota")
    assert title == "2 more Private Networks are wanted, 1 free"


def test_without_a_name_for_it_255_is_the_default():
    assert found(networks_plan("lan"), networks=there(254)) == []
    ((severity, code, _),) = found(networks_plan("lan"), networks=there(255))
    assert (severity, code) == (Severity.WARNS, "network-quota")


def test_networks_that_are_there_take_nothing():
    plan = networks_plan("old-0")
    assert found(plan, quotas={"vpc_private_networks": 1}, networks=there(1)) == []


def test_all_of_them_are_part_of_the_pre_flight():
    plan = networks_plan("lan")
    facts = replace(FACTS, quotas={"vpc_private_networks": 0, "sbs_total_gb": 1, "ips": 0})
    plan = replace(plan, vms=tuple(replace(each, public_ip=True) for each in plan.vms))
    codes = {
        each.code
        for each in preflight(plan, lambda zone: Catalogue(zone, (), "api", FACTS.now.date()), facts)
    }
    assert {"network-quota", "block-storage-quota", "ip-quota"} <= codes
