"""`consistency: cold`: off before the copy, on again when it fails, and never two of one VM at work."""

import random
from dataclasses import replace

import pytest
from fakes.world import ProcessDied, failing

from v2s_tui.domain.errors import SourceError, SourceUnreachable, TargetError, TargetUnavailable
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.engine.stages.registry import GIVING_UP
from v2s_tui.engine.stages.shutdown_source import source_is_off


@pytest.fixture
def cold(bench_of):
    """A running VM that is to be copied cold; its power state is read from its vCenter."""
    return lambda: make_cold(bench_of)


def make_cold(bench_of):
    bench = bench_of(consistency=Consistency.COLD)
    moref, read = bench.planned.vm.moref, bench.source.with_details
    bench.source.power[moref] = PowerState.ON
    bench.source.with_details = lambda vms: tuple(
        replace(each, power_state=bench.source.power[each.moref]) for each in read(vms)
    )
    return bench


def power_of(bench):
    return bench.source.power[bench.planned.vm.moref]


def give_up(bench):
    bench.artifacts = GIVING_UP(bench.input(), bench.context())


def test_the_source_is_off_before_it_is_read_and_stays_off(cold):
    bench = cold()
    bench.run_until(Stage.SHUTDOWN_SOURCE)
    assert power_of(bench) is PowerState.OFF
    assert bench.artifacts.stopped_source
    bench.run_until(Stage.CLEANUP)
    assert power_of(bench) is PowerState.OFF, "the target runs now"
    assert bench.artifacts.notes["consistency"].startswith("cold")
    assert bench.source.snapshots == {}


def test_a_failure_before_the_target_runs_powers_the_source_back_on(cold):
    bench = cold()
    bench.run_until(Stage.UPLOAD_S3)
    give_up(bench)
    assert power_of(bench) is PowerState.ON
    assert not bench.artifacts.stopped_source
    assert bench.ledger.open_effects(EffectKind.SOURCE_POWER) == ()
    assert not source_is_off(bench.input(), bench.ports).holds


def test_a_failure_after_the_target_runs_leaves_the_source_off(cold):
    bench = cold()
    bench.run_until(Stage.CREATE_INSTANCE)
    give_up(bench)
    assert power_of(bench) is PowerState.OFF


def test_a_guest_that_an_interrupted_try_asked_is_known_to_be_going_down(cold):
    bench = cold()
    asked: list[bool] = []
    shut_down = bench.source.shut_down_guest

    def ask(moref, *, asked_before, **how):
        asked.append(asked_before)
        if len(asked) == 1:
            raise SourceUnreachable("no route")
        shut_down(moref, asked_before=asked_before, **how)

    bench.source.shut_down_guest = ask
    with pytest.raises(SourceUnreachable):
        bench.run_until(Stage.SHUTDOWN_SOURCE)
    bench.run_until(Stage.SHUTDOWN_SOURCE)
    assert asked == [False, True]


def test_a_source_that_was_off_before_stays_off(cold):
    bench = cold()
    bench.source.power[bench.planned.vm.moref] = PowerState.OFF
    bench.run_until(Stage.UPLOAD_S3)
    give_up(bench)
    assert power_of(bench) is PowerState.OFF
    assert not bench.artifacts.stopped_source


def test_a_retry_after_the_source_ran_again_copies_everything_anew(cold):
    bench = cold()
    bench.world.rules.append(failing("create_instance", TargetUnavailable("502")))
    with pytest.raises(TargetUnavailable):
        bench.run_until(Stage.CREATE_INSTANCE)
    before = {each.id for each in bench.cloud.of_kind("volume")}
    give_up(bench)
    bench.done = [Stage.VALIDATE]
    bench.run_until(Stage.CLEANUP)
    assert bench.made() == {"volume": 2, "instance": 1}
    assert before.isdisjoint(each.id for each in bench.cloud.of_kind("volume"))
    assert bench.world.calls["receive"] == 4, "both disks were read twice"
    assert bench.objects.objects == {}


def test_two_of_one_vm_at_work_are_for_a_person_to_decide(cold):
    bench = cold()
    bench.run_until(Stage.CREATE_INSTANCE)
    bench.source.power[bench.planned.vm.moref] = PowerState.ON
    with pytest.raises(TargetError, match="runs at Scaleway and at VMware at once"):
        bench.run(Stage.SHUTDOWN_SOURCE)
    assert len(bench.cloud.of_kind("instance")) == 1


def test_a_guest_that_will_not_shut_down_is_left_running(cold):
    bench = cold()
    bench.world.rules.append(failing("power", SourceError("the guest did not shut down")))
    bench.run_until(Stage.VALIDATE)
    with pytest.raises(SourceError):
        bench.run(Stage.SHUTDOWN_SOURCE)
    give_up(bench)
    assert power_of(bench) is PowerState.ON


@pytest.mark.parametrize("seed", range(10))
def test_dying_at_any_time_and_giving_up_in_the_end_leaves_the_source_on(cold, seed):
    dice, bench = random.Random(seed), cold()
    for _ in range(4):
        bench.die_at(dice.randrange(1, 60))
        try:
            bench.run_until(Stage.IMPORT_SCW)
        except ProcessDied:
            bench.new_process()
    bench.new_process()
    give_up(bench)
    assert power_of(bench) is PowerState.ON
