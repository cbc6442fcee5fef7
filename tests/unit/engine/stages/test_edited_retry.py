"""A retry after an edit of the plan entry, or from an earlier stage: what does not fit is made anew, once."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.bench import TYPE_NAME
from fakes.world import ProcessDied, failing

from v2s_tui.domain.errors import OutOfStock, TargetError, VerificationFailed
from v2s_tui.domain.execution.ledger import EffectKind, EffectState
from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import CloudState
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.engine.stages.create_instance import instance_holds
from v2s_tui.engine.stages.import_scw import import_holds

OTHER = "POP2-4C-16G"
NIC = PlannedNic("Network adapter 1", "00:50:56:00:00:01", "LAN", "private-network-1")
EACH_ONCE = {"block_snapshot": 2, "volume": 2, "image": 1, "ip": 1, "instance": 1, "private_nic": 1}
STALE_KINDS = tuple(EACH_ONCE)


@pytest.fixture
def sold_out(bench_of):
    """Its Instance is made, but there is no machine to start it on."""

    def made():
        bench = bench_of(public_ip=True, nics=(NIC,))
        bench.change(make_image=True)
        bench.run_until(Stage.IMPORT_SCW)
        act = bench.cloud.instance_action

        def refused(zone, instance_id, action):
            raise OutOfStock("sold out")

        bench.cloud.instance_action = refused
        with pytest.raises(OutOfStock):
            bench.run(Stage.CREATE_INSTANCE)
        bench.cloud.instance_action = act
        return bench

    return made


def edit(bench, **changes):
    bench.planned = replace(bench.planned, **changes)


def the_only(bench, kind):
    (found,) = bench.cloud.of_kind(kind)
    return found


def test_another_type_is_what_arrives_with_the_volumes_that_are_there(sold_out):
    bench = sold_out()
    volumes = {each.id for each in bench.cloud.of_kind("volume")}
    edit(bench, target_type=OTHER)
    bench.run_until(Stage.CLEANUP)
    server = the_only(bench, "instance")
    assert (server.commercial_type, server.state) == (OTHER, CloudState.RUNNING)
    assert set(server.volumes) == volumes
    assert bench.ledger.open_effects(EffectKind.INSTANCE)[0].resource_id == server.id
    assert bench.made()["private_nic"] == bench.made()["ip"] == 1


def test_an_instance_that_is_gone_is_handed_over_to_nobody(sold_out):
    """The other type is sold out as well, so the VM fails between the two."""
    bench = sold_out()
    edit(bench, target_type=OTHER)
    bench.world.rules.append(failing("create_instance", OutOfStock("sold out")))
    with pytest.raises(OutOfStock):
        bench.run(Stage.CREATE_INSTANCE)
    (effect,) = bench.ledger.open_effects(EffectKind.INSTANCE)
    assert (effect.state, effect.resource_id) == (EffectState.INTENDED, "")


def test_the_instance_of_another_type_is_made_anew_once_wherever_the_process_dies(sold_out):
    for call in itertools.count():
        bench = sold_out()
        edit(bench, target_type=OTHER)
        died = bench.die_at(call)
        try:
            bench.run(Stage.CREATE_INSTANCE)
        except ProcessDied:
            bench.new_process()
            bench.run(Stage.CREATE_INSTANCE)
        assert the_only(bench, "instance").commercial_type == OTHER, died
        assert bench.made() == EACH_ONCE, died
        if not died:
            break
    assert call > 20


def test_one_that_runs_as_another_type_is_nobodys_to_remove(bench):
    bench.run_until(Stage.CREATE_INSTANCE)
    edit(bench, target_type=OTHER)
    found = instance_holds(bench.input(), bench.ports)
    assert found.missing == (f"the Instance was made as {TYPE_NAME}, the plan says {OTHER}",)
    with pytest.raises(TargetError, match=f"web-01 is running as {TYPE_NAME}, the plan says {OTHER}"):
        bench.run(Stage.CREATE_INSTANCE)
    assert the_only(bench, "instance").state is CloudState.RUNNING


def test_a_public_address_that_the_edit_asks_for_comes_with_a_new_instance(bench):
    bench.run_until(Stage.CREATE_INSTANCE)
    edit(bench, public_ip=True)
    with pytest.raises(TargetError, match="is running without a public address, the plan asks for one"):
        bench.run(Stage.CREATE_INSTANCE)
    bench.cloud.instance_action("fr-par-1", the_only(bench, "instance").id, "poweroff")
    bench.run_until(Stage.CREATE_INSTANCE)
    bench.run(Stage.CREATE_INSTANCE)
    assert the_only(bench, "instance").addresses == (the_only(bench, "ip").address,)


def test_networks_and_addresses_follow_the_edit_even_while_it_runs(bench_of):
    """Two NICs change places, one with another address; a third network is left."""
    one, two, three = (
        replace(NIC, mac_address=f"00:50:56:00:00:0{n}", network=f"net-{n}") for n in (1, 2, 3)
    )
    fixed = replace(two, mode=NicMode.STATIC, addresses=("10.0.0.5/24",))
    bench = bench_of(nics=(one, fixed, three))
    bench.run_until(Stage.CREATE_INSTANCE)
    assert instance_holds(bench.input(), bench.ports).holds
    edit(bench, nics=(replace(fixed, addresses=("10.0.0.6/24",)), one, replace(three, network="none")))
    assert instance_holds(bench.input(), bench.ports).missing == (
        "its private NICs are not those that the plan says",
    )
    bench.run(Stage.CREATE_INSTANCE)
    assert instance_holds(bench.input(), bench.ports).holds
    assert [each.name for each in bench.cloud.of_kind("private_nic")] == ["net-2", "net-1"]
    assert len(bench.ledger.open_effects(EffectKind.PRIVATE_NIC)) == 2
    assert [each.address for each in bench.cloud.of_kind("address")] == ["10.0.0.6"]
    assert len(bench.ledger.open_effects(EffectKind.ADDRESS)) == 1
    bench.run(Stage.VERIFY)
    assert "ok address 10.0.0.6: on its NIC" in bench.artifacts.notes["verified"]
    (booked,) = bench.cloud.of_kind("address")
    bench.cloud._change("address", booked.id, attached_to="another")
    with pytest.raises(VerificationFailed, match=r"WRONG address 10.0.0.6: 10.0.0.6 is on another"):
        bench.run(Stage.VERIFY)


def test_another_zone_leaves_nothing_in_the_first(sold_out):
    bench = sold_out()
    edit(bench, zone="fr-par-2")
    assert not import_holds(bench.input(), bench.ports).holds
    bench.done.remove(Stage.IMPORT_SCW)
    bench.run_until(Stage.CLEANUP)
    zones = {kind: {each.zone for each in bench.cloud.of_kind(kind)} for kind in STALE_KINDS}
    assert {kind: where for kind, where in zones.items() if where} == {kind: {"fr-par-2"} for kind in zones}
    assert {each.where for each in bench.ledger.open_effects(EffectKind.VOLUME)} == {"fr-par-2"}
    assert the_only(bench, "instance").state is CloudState.RUNNING


def test_one_that_runs_in_another_zone_stays_with_its_disks(bench):
    bench.run_until(Stage.CREATE_INSTANCE)
    before = bench.made()
    edit(bench, zone="fr-par-2")
    with pytest.raises(TargetError, match="running in fr-par-1, the plan says fr-par-2"):
        bench.run(Stage.IMPORT_SCW)
    assert bench.made() == before


def copied_again(bench):
    bench.run(Stage.CONVERT)
    overlay = Path(bench.artifacts.disks[0].overlay.path)
    overlay.write_bytes(b"qcow2 with another grub.cfg on it " + overlay.read_bytes().split()[-1])
    for stage in (Stage.UPLOAD_S3, Stage.IMPORT_SCW):
        bench.run(stage)


def test_another_copy_replaces_image_volumes_and_the_stopped_instance(sold_out):
    bench = sold_out()
    before = {kind: {each.id for each in bench.cloud.of_kind(kind)} for kind in STALE_KINDS}
    copied_again(bench)
    bench.run_until(Stage.CLEANUP)
    after = {kind: {each.id for each in bench.cloud.of_kind(kind)} for kind in STALE_KINDS}
    for kind in ("instance", "image"):
        assert len(after[kind]) == 1
        assert not before[kind] & after[kind]
    for kind in ("volume", "block_snapshot"):
        assert len(after[kind]) == 2
        assert len(before[kind] & after[kind]) == 1, "only the disk that changed"
    assert set(the_only(bench, "instance").volumes) == after["volume"]
    assert set(the_only(bench, "image").volumes) == after["block_snapshot"]


def test_another_copy_does_not_touch_an_instance_that_runs(bench):
    bench.run_until(Stage.CREATE_INSTANCE)
    volumes = {each.id for each in bench.cloud.of_kind("volume")}
    copied_again(bench)
    with pytest.raises(TargetError, match="web-01 is running from an earlier copy") as caught:
        bench.run(Stage.CREATE_INSTANCE)
    assert "undo the VM first" in caught.value.hint
    assert {each.id for each in bench.cloud.of_kind("volume")} == volumes
