"""Uploading while receiving: the export offers parts, upload_s3 goes on with the same upload."""

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.world import ProcessDied, failing

from v2s_tui.domain.errors import Cancelled, LeaseFailed, StorageError, StorageUnavailable
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.execution.part_size import part_bytes_for
from v2s_tui.domain.execution.transfer import Strategy, TransferChoice
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.stages import export as export_module
from v2s_tui.engine.stages.export import export_holds
from v2s_tui.engine.stages.registry import STAGES

KEYS = {f"migrations/00000001/disk-{index}.qcow2" for index in (0, 1)}


@pytest.fixture
def bench(bench_of):
    made = bench_of()
    made.change(strategy=Strategy.STREAMING)
    return made


def base_of(bench, index=0) -> bytes:
    return Path(bench.artifacts.disks[index].base.path).read_bytes()


def objects_are_the_flattened_images(bench) -> None:
    """The base as it is on disk now, then the overlay."""
    for disk in bench.artifacts.disks:
        content = bench.objects.contents["transit", disk.key]
        assert content == base_of(bench, disk.index) + Path(disk.overlay.path).read_bytes()


def test_parts_go_out_during_the_export_and_nothing_is_sent_twice(bench):
    bench.run_until(Stage.EXPORT)
    early = list(bench.objects.sent)
    assert {key for key, _ in early} == KEYS
    assert all(number > 1 for _, number in early)
    for disk in bench.artifacts.disks:
        assert disk.part_bytes == part_bytes_for(disk.capacity_bytes)
        assert [part.number for part in disk.early_parts] == [
            number for key, number in early if key.endswith(f"disk-{disk.index}.qcow2")
        ]
    bench.run_until(Stage.UPLOAD_S3)
    assert set(Counter(bench.objects.sent).values()) == {1}
    assert bench.world.calls["begin_upload"] == 2
    assert not bench.objects.uploads
    assert all(not disk.early_parts for disk in bench.artifacts.disks)
    objects_are_the_flattened_images(bench)


def test_without_overlap_the_export_touches_no_object_storage(bench):
    bench.change(strategy=Strategy.LOCAL)
    bench.run_until(Stage.EXPORT)
    assert not bench.objects.buckets
    assert not bench.objects.sent
    bench.run_until(Stage.UPLOAD_S3)
    assert {number for _, number in bench.objects.sent} == {1}


def test_the_export_goes_the_way_its_limits_were_taken_for(bench):
    admitted = TransferChoice(overlap=False, passing=False, reason="the link was slow when it was admitted")
    bench.run_until(Stage.SNAPSHOT)
    artifacts = STAGES[Stage.EXPORT](replace(bench.input(), transfer=admitted), bench.context())
    assert not bench.objects.sent
    assert admitted.text in artifacts.notes.values()


def test_an_early_upload_is_in_the_ledger_before_the_source_is_read(bench):
    bench.world.rules.append(failing("receive", LeaseFailed("the stream broke"), times=99))
    with pytest.raises(LeaseFailed):
        bench.run_until(Stage.EXPORT)
    bench.world.rules.clear()
    effects = bench.ledger.open_effects(EffectKind.MULTIPART_UPLOAD)
    assert {each.tag: each.resource_id for each in effects} == {
        key: upload_id for upload_id, (_, key) in bench.objects.uploads.items()
    }
    bench.run_until(Stage.UPLOAD_S3)
    assert bench.world.calls["begin_upload"] == 2, "the upload that is open is gone on with"
    bench.run_until(Stage.CLEANUP)
    assert not bench.objects.uploads
    assert not bench.ledger.open_effects(EffectKind.MULTIPART_UPLOAD)


def test_cleanup_aborts_an_upload_that_nobody_went_on_with(bench):
    bench.run_until(Stage.EXPORT)
    assert bench.objects.uploads
    bench.artifacts = replace(bench.artifacts, disks=())
    bench.run(Stage.CLEANUP)
    assert not bench.objects.uploads
    assert not bench.ledger.open_effects(EffectKind.MULTIPART_UPLOAD)


def test_nothing_is_left_in_a_bucket_that_the_operator_left(bench):
    bench.run_until(Stage.EXPORT)
    bench.change(bucket="another")
    bench.run_until(Stage.CLEANUP)
    assert not bench.objects.uploads
    assert not bench.ledger.open_effects(EffectKind.MULTIPART_UPLOAD)


def test_trouble_with_early_parts_is_noted_and_made_good(bench):
    trouble = StorageUnavailable("Object Storage is away")
    bench.world.rules.append(failing("put_part", trouble, about="disk-0"))
    bench.run_until(Stage.EXPORT)
    boot, data = bench.artifacts.disks
    assert boot.early_parts == ()
    assert data.early_parts
    assert bench.artifacts.notes["early upload of disk 0"] == "ended: Object Storage is away"
    bench.run_until(Stage.UPLOAD_S3)
    objects_are_the_flattened_images(bench)
    assert set(Counter(bench.objects.sent).values()) == {1}


@pytest.mark.parametrize("operation", ["ensure_bucket", "list_uploads", "begin_upload"])
def test_a_storage_that_is_away_does_not_keep_the_source_from_being_read(bench, operation):
    bench.world.rules.append(failing(operation, StorageUnavailable("Object Storage is away")))
    bench.run_until(Stage.EXPORT)
    assert bench.artifacts.notes["early upload"] == "not begun: Object Storage is away"
    assert all(disk.base for disk in bench.artifacts.disks)
    bench.run_until(Stage.CLEANUP)
    assert not bench.objects.uploads


def test_a_storage_that_refuses_is_told_before_anything_is_read(bench):
    bench.world.rules.append(failing("ensure_bucket", StorageError("the bucket is in another region")))
    with pytest.raises(StorageError, match="another region"):
        bench.run_until(Stage.EXPORT)
    assert not bench.world.calls["receive"]


def test_a_disk_that_is_read_anew_sends_what_changed_and_trusts_no_part_of_the_first_read(bench):
    bench.run_until(Stage.EXPORT)
    first = bench.artifacts.disks[0]
    Path(first.base.path).unlink()
    bench.disks.reread = "other"
    bench.done.remove(Stage.EXPORT)
    bench.world.rules.append(failing("put_part", StorageUnavailable("away"), about="disk-0"))
    bench.run_until(Stage.EXPORT)
    again = bench.artifacts.disks[0]
    assert again.early_parts == ()
    assert bench.artifacts.disks[1].early_parts, "the other disk was kept"
    bench.run_until(Stage.UPLOAD_S3)
    objects_are_the_flattened_images(bench)
    sent = Counter(bench.objects.sent)
    twice = {number for (key, number), times in sent.items() if key.endswith("disk-0.qcow2") and times > 1}
    kept = {part.number for part in first.early_parts} - twice
    assert twice, "what changed was sent again"
    assert kept, "what is the same was not"
    assert all(times == 1 for (key, _), times in sent.items() if key.endswith("disk-1.qcow2"))


def test_the_record_of_a_first_read_is_gone_before_the_second_begins(bench):
    bench.run_until(Stage.EXPORT)
    Path(bench.artifacts.disks[0].base.path).unlink()
    bench.done.remove(Stage.EXPORT)
    bench.world.rules.append(failing("receive", Cancelled("stopped")))
    with pytest.raises(Cancelled):
        bench.run(Stage.EXPORT)
    disk = bench.artifacts.disks[0]
    assert (disk.base, disk.early_parts) == (None, ())


def test_progress_tells_what_went_out_and_counts_both_ways(bench):
    bench.run_until(Stage.SNAPSHOT)
    context = bench.context()
    bench.run(Stage.EXPORT, context)
    disks = bench.artifacts.disks
    sent = sum(part.size_bytes for disk in disks for part in disk.early_parts)
    assert context.progress.activity == "disk 2 of 2, 0 MiB sent"
    assert context.progress.moved_bytes == sum(disk.received_bytes for disk in disks) + sent
    bench.run_until(Stage.CONVERT)
    context = bench.context()
    bench.run(Stage.UPLOAD_S3, context)
    assert context.progress.moved_bytes == sum(disk.object_bytes for disk in bench.artifacts.disks) - sent


@pytest.fixture
def passing_bench(bench_of):
    """A VM whose disks nothing here reads, so that they pass through."""
    made = bench_of(adapt=False, rehearse="off")
    made.change(strategy=Strategy.AUTO)
    return made


def test_a_disk_that_passed_through_is_read_again_when_an_edit_wants_its_guest_adapted(passing_bench):
    bench = passing_bench
    bench.run_until(Stage.UPLOAD_S3)
    assert all(b"\0" in base_of(bench, disk.index) for disk in bench.artifacts.disks), "freed as they went"
    assert export_holds(bench.input(), bench.ports).holds
    bench.planned = replace(bench.planned, adapt=True)
    assert not export_holds(bench.input(), bench.ports).holds
    bench.run(Stage.EXPORT)
    assert all(b"\0" not in base_of(bench, disk.index) for disk in bench.artifacts.disks)
    assert export_holds(bench.input(), bench.ports).holds


def test_an_object_completed_just_before_the_kill_spares_a_disk_that_passed_through_its_second_read(
    passing_bench,
):
    bench = passing_bench
    bench.run_until(Stage.CONVERT)
    bench.world.rules.append(failing("upload_file", ProcessDied(), phase="after"))
    with pytest.raises(ProcessDied):
        bench.run(Stage.UPLOAD_S3)
    bench.new_process()
    assert export_holds(bench.input(), bench.ports).holds
    bench.run(Stage.UPLOAD_S3)
    assert bench.world.calls["upload_file"] == 2, "one for each disk"
    assert bench.world.calls["receive"] == 2


def test_an_outage_at_the_end_of_a_disk_that_passes_through_does_not_cost_its_read(
    passing_bench, monkeypatch
):
    monkeypatch.setattr(export_module, "PARALLEL_DISKS", 1)
    bench = passing_bench
    bench.run_until(Stage.SNAPSHOT)
    count = itertools.count()

    def away_after_three_parts(operation, about, phase):
        if operation == "put_part" and phase == "before" and "disk-0" in about and next(count) >= 3:
            raise StorageUnavailable("Object Storage is away")

    bench.world.rules.append(away_after_three_parts)
    bench.run(Stage.EXPORT)
    bench.world.rules.clear()
    assert len(bench.artifacts.disks[0].early_parts) == 3
    assert export_holds(bench.input(), bench.ports).holds
    bench.run_until(Stage.UPLOAD_S3)
    assert bench.world.calls["receive"] == 2
    assert b"\0" not in bench.objects.contents["transit", bench.artifacts.disks[0].key]


def test_images_that_outlive_the_migration_are_whole(passing_bench):
    bench = passing_bench
    bench.change(keep_local=True)
    bench.run_until(Stage.CLEANUP)
    assert all(b"\0" not in base_of(bench, disk.index) for disk in bench.artifacts.disks)
