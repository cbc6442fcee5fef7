"""What the Run screen says: the gate with what comes next, waves in little room, stalls."""

from dataclasses import replace
from datetime import timedelta

from fakes.plans import batch_of, plan_of, vm_named

from v2s_tui.domain.execution.batch import GateState
from v2s_tui.domain.execution.snapshot import BatchSnapshot, BlockedBy, Counters, picture_of
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.presentation.run_columns import STALL_SECONDS, batch_line, idle_line, waves_text, why_waiting
from v2s_tui.presentation.run_detail import ComingWave, gate_lines

NAMES = ("canary", "production", "archive", "windows")


def batch() -> BatchSnapshot:
    waves = [
        (name, [vm_named(f"{name}-{number}") for number in range(3)], PausePolicy.PAUSE) for name in NAMES
    ]
    state = batch_of(plan_of(waves))
    return picture_of(state, state.header.created_at)


def at_gate(index: int) -> BatchSnapshot:
    picture = batch()
    return replace(picture, gate=GateState(NAMES[index], index, "policy is pause", picture.at))


def test_the_gate_tells_time_and_cost_of_the_wave_behind_it_only() -> None:
    coming = ComingWave("production", ("a",), 600.0, 900.0, 12.5, 1024**3)
    lines = gate_lines(at_gate(0), coming)
    assert "next   wave production: 3 VMs, then pause" in lines
    assert any("10m00s (P90 15m00s)" in line and "EUR 12.50 per month more" in line for line in lines)
    assert not any("per month" in line for line in gate_lines(at_gate(1), coming))


def test_behind_the_last_wave_nothing_comes() -> None:
    assert "next   no further wave: approving ends the batch" in gate_lines(at_gate(3))


def test_a_gate_that_a_retry_opens_says_so() -> None:
    picture = at_gate(0)
    failed = replace(picture, gate=GateState("canary", 0, "1 of 3 VMs failed", picture.at))
    waves = (replace(picture.waves[0], policy=PausePolicy.PAUSE_ON_FAILURE), *picture.waves[1:])
    on_failure = gate_lines(replace(failed, waves=waves))
    assert "why    1 of 3 VMs failed; it goes on by itself once none has" in on_failure
    assert "why    1 of 3 VMs failed" in gate_lines(failed)


def test_in_little_room_the_current_wave_and_those_to_come_are_told() -> None:
    picture = replace(batch(), current_wave=1)
    assert waves_text(picture, 200).count(" > ") == 3
    short = waves_text(picture, 60)
    assert short.startswith("wave 2 of 4: production")
    assert short.endswith("then archive 3, windows 3")


def test_stalled_vms_are_counted() -> None:
    picture = batch()
    rows = (replace(picture.vms[0], stalled_seconds=STALL_SECONDS), *picture.vms[1:])
    assert "1 STALLED" in batch_line(replace(picture, vms=rows))
    assert "STALLED" not in batch_line(picture)


def test_a_running_stage_without_news_begins_and_does_not_repeat_why_it_was_started() -> None:
    row = replace(batch().vms[0], note="held at the gate")
    assert why_waiting(row) == "held at the gate"
    running = replace(row, status=JobStatus.UPLOADING)
    assert why_waiting(running) == "begins"
    assert why_waiting(replace(running, activity="part 3 of 9")) == "part 3 of 9"


def test_a_batch_in_which_nothing_runs_says_what_it_waits_for() -> None:
    picture = batch()
    assert idle_line(picture) == ""
    assert "at the gate after wave canary: policy is pause" in idle_line(at_gate(0))
    closed = BlockedBy("the wave's window opens at 22:00", (), picture.at)
    held = BlockedBy("work_space", ("archive-0",), picture.at)
    rows = (replace(picture.vms[0], blocked_by=closed), replace(picture.vms[1], blocked_by=held))
    waiting = replace(picture, vms=(*rows, *picture.vms[2:]))
    assert idle_line(waiting) == "canary-0: the wave's window opens at 22:00 (and 1 more)"
    waiting = replace(picture, vms=(picture.vms[0], rows[1], *picture.vms[2:]))
    assert idle_line(waiting) == "canary-1: waits for work_space held by archive-0"
    assert idle_line(replace(waiting, counters=Counters(active=1))) == ""


def test_a_failed_vm_tells_the_reason_first() -> None:
    title = "Snapshot a of vm-9: it is locked: by b"
    row = replace(batch().vms[0], status=JobStatus.FAILED, failure_title=title)
    assert why_waiting(row) == "it is locked: by b"
    assert why_waiting(replace(row, failure_title="the guest has no kernel")) == "the guest has no kernel"


def test_a_batch_is_told_against_its_forecast_and_at_a_gate_without_an_end() -> None:
    picture = batch()
    moving = replace(
        picture, started_at=picture.at, at=picture.at + timedelta(minutes=12), eta_seconds=480.0,
        forecast_seconds=1330.0,
    )  # fmt: skip
    assert "ETA 8m00s" in batch_line(moving)
    assert batch_line(moving).endswith("12m00s of 22m10s forecast")
    assert "ETA" not in batch_line(replace(moving, gate=at_gate(0).gate))
