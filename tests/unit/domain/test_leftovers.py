"""Products are told from leftovers by the batch's record, else by whether anything uses them."""

from datetime import timedelta
from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from fakes.source import MADE_AT

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.leftovers import Found, Leftover, found_at_scaleway, leftovers_among
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES

PRICES = {"block_gb": 0.1, "snapshot_gb": 0.05, "ipv4": 3.0, "object_gb": 0.02}
NOW = MADE_AT + timedelta(days=10)


def _rig(tmp_path: Path) -> Rig:
    plan = plan_of([("all", [vm_named("web-01"), vm_named("db-01")], PausePolicy.CONTINUE)])
    return Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE))


def _found(rig: Rig) -> list[Found]:
    at_scaleway = [
        found_at_scaleway(EffectKind(kind), each) for (kind, _), each in rig.cloud.resources.items()
    ]
    snapshots = [
        Found(EffectKind.VMWARE_SNAPSHOT, vm, moref, name, name.removeprefix("v2s-"), created_at=MADE_AT)
        for moref, (vm, name) in rig.source.snapshots.items()
    ]
    return [*(each for each in at_scaleway if each is not None), *snapshots]


def _kill_after_an_import(rig: Rig) -> None:
    while not rig.cloud.of_kind("block_snapshot"):
        assert rig.run_until_death(25)


def _leftovers(rig: Rig, batches: list[BatchState], **more: object) -> tuple[Leftover, ...]:
    return leftovers_among(_found(rig), batches, NOW, PRICES, **more)  # type: ignore[arg-type]


def test_a_complete_batch_leaves_nothing(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    assert _leftovers(rig, [rig.state]) == ()


def test_a_killed_batch_is_found_priced_and_resumable(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    _kill_after_an_import(rig)
    left = _leftovers(rig, [rig.state])
    kinds = {each.found.kind for each in left}
    assert {EffectKind.VMWARE_SNAPSHOT, EffectKind.BLOCK_SNAPSHOT} <= kinds
    assert all(each.resumable and each.age_days == 10 for each in left)
    snapshot = next(each for each in left if each.found.kind is EffectKind.BLOCK_SNAPSHOT)
    assert snapshot.monthly_eur == pytest.approx(snapshot.found.size_bytes / 10**9 * 0.05)
    assert [each.monthly_eur for each in left] == sorted((each.monthly_eur for each in left), reverse=True)


def test_what_a_living_runner_uses_is_no_leftover(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    _kill_after_an_import(rig)
    at_scaleway = [each for each in _leftovers(rig, [rig.state], running=["0a1b2c3d"]) if each.found.batch_id]
    assert at_scaleway == []


def test_without_a_record_only_what_nothing_uses_is_a_leftover(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    assert {each.found.kind for each in _leftovers(rig, [])} <= {EffectKind.BLOCK_SNAPSHOT}
    loose = rig.cloud.create_volume(
        "fr-par-1",
        snapshot_id=_ready_snapshot(rig),
        name="loose",
        tags=("v2s:ffffffff:99",),
        perf_iops=5000,
    )
    assert loose.id in {each.found.id for each in _leftovers(rig, [])}


def _ready_snapshot(rig: Rig) -> str:
    rig.objects.objects["b", "k"] = rig.objects.objects.get(("b", "k")) or _object()
    rig.objects.contents["b", "k"] = b"qcow2 x 1000"
    made = rig.cloud.import_snapshot("fr-par-1", bucket="b", key="k", name="s", tags=())
    for _ in range(3):
        rig.cloud.get("block_snapshot", "fr-par-1", made.id)
    return made.id


def _object():
    from v2s_tui.domain.ports import StoredObject

    return StoredObject("k", 10, "etag")


def test_a_resource_without_our_tag_is_none_of_our_business(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    foreign = rig.cloud.create_ip("fr-par-1", tags=("theirs",))
    assert found_at_scaleway(EffectKind.IP, foreign) is None
