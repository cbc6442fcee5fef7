"""The simulation: it obeys the rules of admission, ends, and says what holds a plan up."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planned_vms import planned_vm, resolved_plan, source_vm

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.job import stages_of
from v2s_tui.domain.execution.transfer import TransferChoice
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.planning.forecast import forecast, what_if
from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.plan_options import GuestBackend, VolumeClass
from v2s_tui.domain.planning.rates import (
    VIRT_V2V_SECONDS,
    Duration,
    Rates,
    Sample,
    data_bytes,
    measured_rates,
)
from v2s_tui.domain.planning.resolved import PlannedDisk
from v2s_tui.domain.planning.simulation import Segment, Simulation, Timeline, waits
from v2s_tui.domain.planning.stages import LIMITS_OF_STAGE, Stage
from v2s_tui.domain.source.vm import Disk
from v2s_tui.domain.units import GIB, MIB

STAGES = (Stage.SNAPSHOT, Stage.EXPORT, Stage.CONVERT, Stage.UPLOAD_S3, Stage.IMPORT_SCW)


def simulated(plan, seconds=10.0, **options) -> Timeline:  # type: ignore[no-untyped-def]
    return Simulation(
        plan, lambda planned, stage, sharing: Duration(seconds), stages_of=lambda planned: STAGES, **options
    ).run()


def most_at_once(segments: list[Segment], limit: Limit, host: str | None = None) -> int:
    hosts = {"a": "h1"}
    edges = [
        edge
        for each in segments
        if limit in LIMITS_OF_STAGE[each.stage] and (host is None or hosts.get(each.vm[0], "h2") == host)
        for edge in ((each.began, 1), (each.ended, -1))
    ]
    now = most = 0
    for _, change in sorted(edges):
        now += change
        most = max(most, now)
    return most


def test_one_vm_takes_the_sum_of_its_stages() -> None:
    timeline = simulated(resolved_plan(planned_vm("a")))
    assert timeline.end == 50.0
    assert [each.stage for each in timeline.segments] == list(STAGES)
    assert timeline.peak_work_bytes > 0
    assert timeline.disk[-1][1] == 0


def test_waves_follow_each_other() -> None:
    timeline = simulated(resolved_plan(planned_vm("a"), planned_vm("b", wave="two")))
    assert timeline.waves == [("one", 0.0, 50.0), ("two", 50.0, 100.0)]


def test_members_of_a_group_run_one_after_the_other() -> None:
    plan = resolved_plan(planned_vm("a"), planned_vm("b"), planned_vm("c"), not_together=(("a", "b"),))
    ends = {each.vm: each.ended for each in simulated(plan).segments}
    assert ends["c"] == 50.0
    assert sorted([ends["a"], ends["b"]]) == [50.0, 100.0]


def test_polling_holds_no_limit() -> None:
    plan = resolved_plan(*(planned_vm(f"a{n}") for n in range(5)), limits=Limits(max_concurrent_imports=1))
    timeline = Simulation(
        plan, lambda *_: Duration(1.0, 100.0), stages_of=lambda _: (Stage.IMPORT_SCW,)
    ).run()
    assert timeline.end == 105.0
    assert timeline.busy["scw_api"] == 5.0


def test_a_small_work_disk_makes_vms_queue_and_one_that_never_fits_is_left_out() -> None:
    big = planned_vm("big", source_vm("big", committed_bytes=None, disks=(Disk(2000, "d", 500 * GIB),)))
    plan = resolved_plan(planned_vm("a"), planned_vm("b"), big, planned_vm("c"))
    local = TransferChoice(overlap=False, passing=False, reason="")
    timeline = simulated(plan, work_disk_bytes=20 * GIB, transfer_of=lambda _: local)
    assert timeline.unfit == ["big"]
    assert timeline.end == 120.0, "the next one starts once the disks of the one before are received"
    assert timeline.peak_work_bytes <= 20 * GIB


def test_waiting_is_blamed_on_the_limit() -> None:
    plan = resolved_plan(
        *(planned_vm(f"a{n}") for n in range(8)), limits=Limits(max_concurrent_conversions=1)
    )
    assert next(iter(waits(simulated(plan)))) == "disk_io"


_vms = st.lists(
    st.tuples(st.sampled_from(["h1", "h2"]), st.integers(1, 9), st.booleans()), min_size=1, max_size=20
)
_limits = st.tuples(*(st.integers(1, 4) for _ in range(5)))


@given(_vms, _limits, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_limit_is_ever_exceeded_and_every_vm_ends(
    vms: list[tuple[str, int, bool]], limits: tuple[int, ...], seed: int
) -> None:
    names = ("max_exports_per_host", "max_concurrent_conversions", "max_concurrent_uploads")
    names += ("max_concurrent_imports", "max_total_workers")
    chosen = Limits.model_validate(dict(zip(names, limits, strict=True)))
    planned = [
        planned_vm(name, source_vm(name, host=host), priority=priority, wave="two" if late else "one")
        for n, (host, priority, late) in enumerate(vms)
        if (name := f"{'a' if host == 'h1' else 'b'}{n}")
    ]
    plan = resolved_plan(*sorted(planned, key=lambda each: each.wave), limits=chosen)
    timeline = Simulation(
        plan,
        lambda planned, stage, sharing: Duration((hash((planned.name, stage.value)) + seed) % 7, seed),
        stages_of=lambda planned: STAGES,
    ).run()
    assert len(timeline.segments) == len(vms) * len(STAGES)
    for name, most in timeline.most_holders.items():
        assert most <= chosen.of(Limit(name.partition(":")[0]))
    if seed == 0:
        assert most_at_once(timeline.segments, Limit.DISK_IO) <= chosen.disk_io
        assert most_at_once(timeline.segments, Limit.PER_ESXI_HOST, "h1") <= chosen.per_esxi_host


def test_rates_count_data_not_size_and_share_a_hosts_bandwidth() -> None:
    planned, rates = planned_vm("a"), Rates()
    assert data_bytes(planned) == 10 * GIB
    alone = rates.duration(planned, "export").held_seconds
    assert alone == pytest.approx(10 * GIB / (100 * MIB))
    assert rates.duration(planned, "export", sharing=10).held_seconds == pytest.approx(10 * GIB / 25.3e6)
    measured = Rates(measured={("export", "esxi-01"): 1e9})
    assert measured.duration(planned, "export", sharing=10).held_seconds == pytest.approx(5 * GIB / 1e9)
    skipped = planned_vm("a", disks=(PlannedDisk(2000, skip=True, volume_class=VolumeClass.SBS_5K),))
    assert data_bytes(skipped) == 0


@pytest.mark.parametrize(("guest_id", "more"), [("debian12_64Guest", 120), ("windows2019srv_64Guest", 0)])
def test_a_rebuilt_initramfs_takes_its_time(guest_id: str, more: float) -> None:
    plain = planned_vm("a", source_vm("a", guest_id=guest_id), adapt=True)
    rebuilt = replace(plain, initramfs=InitramfsMode.REBUILD)
    took = [Rates().duration(each, "adapt_guest").held_seconds for each in (plain, rebuilt)]
    assert took[1] - took[0] == more


def test_virt_v2v_takes_its_time_in_the_first_guest_stage() -> None:
    for guest_id, first in (("debian12_64Guest", "adapt_guest"), ("windows2019srv_64Guest", "clean_tools")):
        plain = planned_vm("a", source_vm("a", guest_id=guest_id), adapt=True)
        besides = replace(plain, guest_backend=GuestBackend.VIRT_V2V)
        more = {
            stage: Rates().duration(besides, stage).held_seconds - Rates().duration(plain, stage).held_seconds
            for stage in map(str, stages_of(plain))
        }
        assert {stage: each for stage, each in more.items() if each} == {first: VIRT_V2V_SECONDS}


def test_measured_rates_are_medians_by_host_and_over_all() -> None:
    samples = [Sample("export", "h1", GIB, seconds) for seconds in (10, 20, 40)]
    samples += [
        Sample("export", "h2", GIB, 5),
        Sample("export", "h2", 10, 1),
        Sample("export", "h2", GIB, 0.1),
    ]
    rates = measured_rates(samples)
    assert rates["export", "h1"] == GIB / 20
    assert rates["export", "h2"] == GIB / 5
    assert rates["export", ""] == pytest.approx((GIB / 10 + GIB / 20) / 2)


def test_the_forecast_is_repeatable_and_answers_what_if() -> None:
    plan = resolved_plan(*(planned_vm(f"a{n}") for n in range(30)), limits=Limits(max_exports_per_host=1))
    first, again = forecast(plan, seed=7), forecast(plan, seed=7)
    assert (first.p50_seconds, first.p90_seconds) == (again.p50_seconds, again.p90_seconds)
    assert first.p90_seconds > first.p50_seconds > 0
    assert first.bottleneck == "per_esxi_host:esxi-01"
    assert first.uses[0].share > 0.8
    wider = forecast(plan, limits=what_if(plan.limits, {"per_esxi_host": 2}), seed=7)
    assert wider.p50_seconds < first.p50_seconds
    assert first.assumptions
    for changes in ({"disk": 3}, {"disk_io": 0}):
        with pytest.raises(InputError, match="disk"):
            what_if(plan.limits, changes)


def test_what_is_sent_while_it_comes_is_no_work_of_the_upload() -> None:
    adapted = resolved_plan(planned_vm("a", adapt=True))
    local = TransferChoice(overlap=False, passing=False, reason="")
    early, passing = replace(local, overlap=True), replace(local, overlap=True, passing=True)

    def stages(transfer: TransferChoice, **rates: float) -> dict[Stage, float]:
        found = forecast(adapted, transfer_of=lambda _: transfer, rates=Rates(**rates))
        return {each.stage: each.ended - each.began for each in found.timeline.segments}

    apart, together = stages(local), stages(early)
    assert together[Stage.EXPORT] == apart[Stage.EXPORT]
    assert together[Stage.UPLOAD_S3] == pytest.approx(0.05 * apart[Stage.UPLOAD_S3])
    slow = stages(early, upload_per_vm=10e6)
    rest = stages(local, upload_per_vm=10e6)[Stage.UPLOAD_S3] - apart[Stage.EXPORT]
    assert slow[Stage.UPLOAD_S3] == pytest.approx(rest)
    through = stages(passing, upload_per_vm=10e6)
    assert through[Stage.EXPORT] > 4 * apart[Stage.EXPORT], "comes no faster than it goes"
    assert "1 of 1 VM are" not in "".join(forecast(adapted, transfer_of=lambda _: local).assumptions)


def test_an_export_that_uploads_holds_both_limits_in_the_forecast_too() -> None:
    plan = resolved_plan(*(planned_vm(f"a{n}", adapt=True) for n in range(9)), limits=Limits(s3_upload=1))
    early, slow = TransferChoice(overlap=True, passing=False, reason=""), Rates(export_per_vm=10e6)
    found = forecast(plan, transfer_of=lambda _: early, rates=slow)
    assert found.timeline.most_holders["s3_upload"] == 1
    assert found.bottleneck == "s3_upload"


def test_the_bottleneck_is_every_place_taken_or_no_limit_at_all() -> None:
    names = [planned_vm(f"a{n}") for n in range(6)]
    roomy = what_if(Limits(), {name.value: 100 for name in Limit})
    assert forecast(resolved_plan(*names, limits=roomy)).bottleneck == ""
    narrow = what_if(roomy, {"global": 2})
    assert forecast(resolved_plan(*names, limits=narrow)).bottleneck == "global"


def test_an_empty_plan_takes_no_time() -> None:
    assert forecast(resolved_plan()).p50_seconds == 0


def test_a_thousand_vms_in_ten_stages_are_quick() -> None:
    plan = resolved_plan(*(planned_vm(f"a{n}", source_vm(f"a{n}", host=f"h{n % 16}")) for n in range(1000)))
    start = time.process_time()
    forecast(plan)
    assert time.process_time() - start < 8
