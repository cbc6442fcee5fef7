"""A plan entry that was edited between two runs, so that other disks move now: no disk becomes another."""

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.bench import Bench, make_bench
from fakes.plans import vm_named
from fakes.world import failing

from v2s_tui.domain.errors import LeaseFailed
from v2s_tui.domain.execution.transfer import Strategy
from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.domain.planning.resolved import PlannedDisk
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.stages import export as export_module
from v2s_tui.engine.stages.export import export_holds


def bench_of_four(tmp_path: Path, **planned: object) -> Bench:
    vm = replace(vm_named("web-01", disks=4), cpu_count=2, memory_mb=4096)
    return make_bench(tmp_path, vm=vm, **planned)


def skip(bench: Bench, *keys: int) -> None:
    """The operator edits the entry and retries."""
    skipped = tuple(PlannedDisk(key, True, VolumeClass.SBS_5K) for key in keys)
    bench.planned = replace(bench.planned, disks=skipped)


def sources(bench: Bench) -> list[str]:
    """Of each disk that moves: what was read into its base."""
    bases = [disk.base for disk in bench.artifacts.disks if disk.base]
    return [Path(base.path).read_bytes().split()[1].decode().rpartition("/")[2] for base in bases]


def test_a_disk_read_after_others_moved_up_takes_no_place_of_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "PARALLEL_DISKS", 1)
    bench = bench_of_four(tmp_path)
    bench.world.rules.append(failing("receive", LeaseFailed("cut"), times=99, about="/2003"))
    with pytest.raises(LeaseFailed):
        bench.run_until(Stage.EXPORT)
    bench.world.rules.clear()
    skip(bench, 2001)
    bench.run(Stage.EXPORT)
    assert sources(bench) == ["2000", "2002", "2003"]
    assert bench.world.calls["receive"] == 4, "what was read is kept"
    bench.run_until(Stage.CLEANUP)


def test_a_disk_that_is_skipped_after_its_export_does_not_go_on(tmp_path: Path) -> None:
    bench = bench_of_four(tmp_path)
    bench.run_until(Stage.CONVERT)
    assert export_holds(bench.input(), bench.ports).holds
    skip(bench, 2001)
    assert export_holds(bench.input(), bench.ports).missing == ("the plan moves other disks now",)
    bench.run(Stage.EXPORT)
    assert export_holds(bench.input(), bench.ports).holds
    assert [disk.device_key for disk in bench.artifacts.disks] == [2000, 2002, 2003]
    assert bench.world.calls["receive"] == 4
    skip(bench)
    assert not export_holds(bench.input(), bench.ports).holds


def test_a_disk_that_passed_through_under_another_number_is_read_again(tmp_path: Path) -> None:
    bench = bench_of_four(tmp_path, adapt=False, rehearse="off")
    bench.change(strategy=Strategy.AUTO)
    bench.run_until(Stage.UPLOAD_S3)
    skip(bench, 2001)
    bench.done = bench.done[: bench.done.index(Stage.EXPORT)]
    bench.run_until(Stage.UPLOAD_S3)
    assert bench.world.calls["receive"] == 4 + 2
    held = [bench.objects.contents["transit", disk.key] for disk in bench.artifacts.disks]
    assert all(f"/{key} ".encode() in content for key, content in zip((2000, 2002, 2003), held, strict=True))
    bench.run_until(Stage.CLEANUP)
    assert not bench.objects.objects, "nor is the one of the highest number left"


def test_a_retry_from_convert_keeps_the_object_of_a_disk_that_passed_through(tmp_path: Path) -> None:
    bench = bench_of_four(tmp_path, adapt=False, rehearse="off")
    bench.change(strategy=Strategy.AUTO)
    bench.run_until(Stage.UPLOAD_S3)
    bench.done = bench.done[: bench.done.index(Stage.CONVERT)]
    bench.run_until(Stage.UPLOAD_S3)
    assert bench.world.calls["upload_file"] == 4
    assert bench.world.calls["receive"] == 4
