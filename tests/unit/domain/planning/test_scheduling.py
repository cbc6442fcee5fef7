"""Admission: all or nothing, later stages first, limits never exceeded, nobody starved."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.scheduling import Admission, Request, stage_request, start_request
from v2s_tui.domain.planning.stages import Stage

LIMITS = Limits(
    max_exports_per_host=1,
    max_concurrent_conversions=2,
    max_concurrent_uploads=2,
    max_concurrent_imports=2,
    max_total_workers=3,
)


def started(admission: Admission, *, free_bytes: int | None = None) -> list[str]:
    return [request.vm for request in admission.admit(free_bytes=free_bytes)]


def test_global_bounds_the_pipelines_in_order_of_priority_then_asking() -> None:
    admission = Admission(LIMITS)
    for number, (vm, priority) in enumerate([("a", 5), ("b", 5), ("c", 1), ("d", 5)]):
        admission.ask(start_request(vm, priority=priority, sequence=number))
    assert started(admission) == ["c", "a", "b"]
    assert started(admission) == []
    admission.release(start_request("a", priority=5, sequence=0))
    assert started(admission) == ["d"]


def test_later_stages_go_first() -> None:
    admission = Admission(LIMITS.changed(Limit.SCW_API, 1))
    admission.ask(stage_request("a", Stage.IMPORT_SCW, sequence=1))
    admission.ask(stage_request("b", Stage.VERIFY, sequence=2))
    assert started(admission) == ["b"]


def test_each_host_has_its_own_limit_and_waiters_know_who_blocks_them() -> None:
    admission = Admission(LIMITS)
    for number, (vm, host) in enumerate([("a", "h1"), ("b", "h1"), ("c", "h2"), ("d", "")]):
        admission.ask(stage_request(vm, Stage.EXPORT, esxi_host=host, sequence=number))
    assert started(admission) == ["a", "c", "d"]
    waiting = next(iter(admission.waiting()))
    (block,) = admission.blockers(waiting)
    assert (block.limit, block.holders) == ("per_esxi_host:h1", ("a",))


def test_an_export_that_uploads_meanwhile_takes_both_limits_or_none() -> None:
    admission = Admission(LIMITS.changed(Limit.S3_UPLOAD, 1))
    admission.ask(stage_request("a", Stage.UPLOAD_S3, sequence=0, overlap=True))
    assert started(admission) == ["a"]
    both = stage_request("b", Stage.EXPORT, esxi_host="h1", sequence=1, overlap=True)
    admission.ask(both)
    admission.ask(stage_request("c", Stage.EXPORT, esxi_host="h1", sequence=2))
    assert started(admission) == ["c"]
    assert {block.limit for block in admission.blockers(both)} == {"per_esxi_host:h1", "s3_upload"}


def test_all_or_nothing() -> None:
    admission = Admission(LIMITS)
    both = Request("a", frozenset({"disk_io", "per_esxi_host:h1"}), order=2, sequence=1)
    admission.ask(Request("x", frozenset({"per_esxi_host:h1"}), order=2, sequence=0))
    assert started(admission) == ["x"]
    admission.ask(both)
    admission.ask(Request("y", frozenset({"disk_io"}), order=2, sequence=2))
    assert started(admission) == ["y"]
    assert admission.holders("disk_io") == ("y",)


def test_work_space_is_reserved_and_goes_in_order() -> None:
    admission = Admission(LIMITS)
    requests = [
        start_request(vm, sequence=n, work_bytes=size)
        for n, (vm, size) in enumerate([("a", 60), ("b", 50), ("c", 10)])
    ]
    for request in requests:
        admission.ask(request)
    assert started(admission, free_bytes=100) == ["a"]
    assert admission.reserved_bytes == 60
    (block,) = admission.blockers(requests[1], free_bytes=40)
    assert (block.limit, block.holders) == ("work_space", ("a",))
    admission.release(requests[0])
    assert started(admission, free_bytes=100) == ["b", "c"]


def test_members_of_a_group_do_not_move_together() -> None:
    admission = Admission(LIMITS)
    for number, groups in enumerate([(0,), (0,), (1,)]):
        admission.ask(start_request(f"vm{number}", sequence=number, groups=groups))
    assert started(admission) == ["vm0", "vm2"]


def test_limits_change_and_pause_while_running() -> None:
    admission = Admission(LIMITS)
    for number in range(6):
        admission.ask(stage_request(f"vm{number}", Stage.UPLOAD_S3, sequence=number))
    admission.pause(Limit.S3_UPLOAD)
    assert started(admission) == []
    admission.unpause(Limit.S3_UPLOAD)
    assert len(started(admission)) == 2
    admission.change_limits(LIMITS.changed(Limit.S3_UPLOAD, 3))
    assert len(started(admission)) == 1
    admission.change_limits(LIMITS.changed(Limit.S3_UPLOAD, 1))
    admission.release(stage_request("vm0", Stage.UPLOAD_S3, sequence=0))
    assert started(admission) == []


def test_withdrawn_requests_never_start_and_nothing_is_released_twice() -> None:
    admission = Admission(LIMITS)
    request = start_request("a")
    admission.ask(request)
    admission.withdraw(request)
    assert started(admission) == []
    others = [start_request(f"vm{number}", sequence=number) for number in range(5)]
    for each in others:
        admission.ask(each)
    admission.withdraw(others[2])
    admission.withdraw(others[2])
    assert [each.vm for each in admission.waiting()] == ["vm0", "vm1", "vm3", "vm4"]
    with pytest.raises(KeyError):
        admission.release(request)


_steps = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(list(Stage)), st.sampled_from(["h1", "h2"]), st.booleans()),
    max_size=80,
)


@given(_steps)
@settings(max_examples=150, deadline=None)
def test_no_limit_is_ever_exceeded_and_everybody_gets_a_turn(
    steps: list[tuple[int, Stage, str, bool]],
) -> None:
    admission = Admission(LIMITS)
    running: list[Request] = []
    asked: list[Request] = []
    for number, (_, stage, host, release) in enumerate(steps):
        request = stage_request(f"vm{number}", stage, esxi_host=host, sequence=number)
        admission.ask(request)
        asked.append(request)
        running += admission.admit()
        if release and running:
            admission.release(running.pop(0))
        for name, holders in admission.held().items():
            assert len(holders) <= admission.capacity(name)
    running += admission.admit()
    finished = len(asked) - len(running) - len(list(admission.waiting()))
    while running:
        admission.release(running.pop(0))
        finished += 1
        running += admission.admit()
    assert finished == len(asked)
    assert not list(admission.waiting())
    assert not admission.held()
