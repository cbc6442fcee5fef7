"""A process that dies at any call of any stage leaves something that the next one completes, once."""

import itertools
import random

import pytest
from fakes.plans import vm_named
from fakes.world import ProcessDied

from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.execution.transfer import Strategy
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.target.network_map import PlannedNic

NIC = PlannedNic("Network adapter 1", "00:50:56:00:00:01", "LAN", "private-network-1")


PASSING = {"adapt": False, "rehearse": "off"}
"""Nothing opens the guest here, so that its disks pass through."""


@pytest.fixture(params=["local", "streaming", "auto", "passing"])
def whole(bench_of, request):
    passing = request.param == "passing"
    more = PASSING if passing else {}

    def made():
        bench = bench_of(
            public_ip=True, nics=(NIC,), cloud_init="#cloud-config\n", tags=("team:web",), **more
        )
        bench.change(strategy=Strategy.AUTO if passing else Strategy(request.param))
        return bench

    return made


def run_all(bench) -> None:
    bench.run_until(Stage.CLEANUP)


def test_nothing_is_made_twice_and_nothing_is_left_wherever_the_process_dies(whole):
    for call in itertools.count():
        bench = whole()
        died = bench.die_at(call)
        try:
            run_all(bench)
        except ProcessDied:
            bench.new_process()
            run_all(bench)
        check(bench, died)
        if not died:
            break
    assert call > 100, "the whole migration has many calls at which to die"


@pytest.mark.parametrize("seed", range(12))
def test_dying_again_and_again_still_ends_well(whole, seed):
    dice, bench = random.Random(seed), whole()
    deaths = 0
    while Stage.CLEANUP not in bench.done:
        bench.die_at(dice.randrange(1, 70))
        try:
            run_all(bench)
        except ProcessDied:
            bench.new_process()
            deaths += 1
    bench.new_process()
    assert deaths >= 3
    check(bench, [f"{deaths} deaths"])


def check(bench, died) -> None:
    where = died[0] if died else "nowhere"
    assert bench.made() == {"volume": 2, "ip": 1, "instance": 1, "private_nic": 1}, where
    assert bench.source.snapshots == {}, where
    assert bench.objects.uploads == {}, where
    assert bench.objects.objects == {}, where
    assert bench.cloud.cloud_inits == {bench.artifacts.server_id: "#cloud-config\n"}, where
    kinds = sorted(each.kind for each in bench.ledger.open_effects())
    assert kinds == sorted(
        [EffectKind.VOLUME, EffectKind.VOLUME, EffectKind.IP, EffectKind.INSTANCE, EffectKind.PRIVATE_NIC]
    ), where
    assert all(each.resource_id for each in bench.ledger.open_effects()), where
    assert not bench.work_dir.exists(), where


def test_a_plain_vm_needs_no_ip_and_no_network(bench_of):
    bench = bench_of(vm=vm_named("db:1/ü"))
    bench.change(make_image=True)
    bench.done.append(Stage.VALIDATE)
    run_all(bench)
    assert bench.made() == {"block_snapshot": 1, "volume": 1, "image": 1, "instance": 1}
    (server,) = bench.cloud.of_kind("instance")
    assert server.name == "db-1"
