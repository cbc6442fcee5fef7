"""A create that was carried out after its caller had given up leaves nothing behind."""

from dataclasses import replace

import pytest
from fakes.bench import MIGRATION_ID, make_bench
from fakes.plans import BATCH_ID

from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import CloudState

TAG = f"v2s:{BATCH_ID}:{MIGRATION_ID}"


@pytest.mark.parametrize("kind", ["volume", "block_snapshot", "ip"])
def test_a_second_one_that_came_late_is_removed(tmp_path, kind):
    bench = make_bench(tmp_path, public_ip=True)
    bench.run_until(Stage.VERIFY)
    before = {each.id for each in bench.cloud.of_kind(kind)}
    late = bench.cloud._make(kind, "fr-par-1", "late", (TAG, f"{TAG}:disk-0"), state=CloudState.READY)
    bench.run(Stage.CLEANUP)
    left = {each.id for each in bench.cloud.of_kind(kind)}
    assert late.id not in left
    assert left == (set() if kind == "block_snapshot" else before), "what is on record stays"


def test_what_is_in_use_or_another_migrations_is_left_alone(tmp_path):
    bench = make_bench(tmp_path)
    bench.run_until(Stage.VERIFY)
    used = bench.cloud._make("volume", "fr-par-1", "used", (TAG,), state=CloudState.IN_USE)
    other = bench.cloud._make("volume", "fr-par-1", "other", (f"{TAG}9",), state=CloudState.READY)
    bench.run(Stage.CLEANUP)
    assert {used.id, other.id} <= {each.id for each in bench.cloud.of_kind("volume")}


def test_an_image_keeps_its_snapshots(tmp_path):
    bench = make_bench(tmp_path)
    bench.settings = replace(bench.settings, make_image=True)
    bench.run_until(Stage.CLEANUP)
    assert bench.made()["block_snapshot"] == 2
    assert bench.made()["image"] == 1
