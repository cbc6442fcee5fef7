"""What single stages decide, and how they meet trouble."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.bench import catalogue, make_bench
from fakes.plans import vm_named
from fakes.world import failing
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.domain.errors import (
    Cancelled,
    ImportRefused,
    LeaseFailed,
    OutOfStock,
    PreflightBlocked,
    QuiesceFailed,
    RateLimited,
    SourceError,
    StorageUnavailable,
    TargetUnavailable,
    VerificationFailed,
)
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.resolved import PlannedDisk
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.planning.target_nics import target_nics
from v2s_tui.domain.ports import CloudState
from v2s_tui.domain.source.vm import DiskBacking, Firmware, Nic, PowerState
from v2s_tui.domain.target.instance_types import Stock
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.domain.target.volume_size import target_size_bytes
from v2s_tui.domain.units import GB, GIB, TB
from v2s_tui.engine.stages import export as export_module
from v2s_tui.engine.stages.export import export_holds
from v2s_tui.engine.stages.upload_s3 import upload_holds


def of_vm(bench_of, **changes):
    """A bench whose VM is another at the source than in the plan."""
    bench = bench_of()
    bench.source.vms = {bench.planned.vm.moref: replace(bench.planned.vm, **changes)}
    return bench


# --- validate

TWO_DISKS = vm_named("web-01", disks=2).disks


def with_disk(bench_of, **changes):
    vm = vm_named("web-01", disks=2)
    return of_vm(bench_of, disks=(vm.disks[0], replace(vm.disks[1], **changes)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"backing": DiskBacking.RDM_PHYSICAL}, "Hard disk 2 is a raw device mapping"),
        ({"mode": "independent_persistent"}, "Hard disk 2 is independent"),
        ({"shared": True}, "Hard disk 2 is shared"),
        ({"capacity_bytes": TB + 1}, "imports end at 1 TB"),
    ],
)
def test_disks_that_cannot_be_copied_are_refused(bench_of, changes, text):
    with pytest.raises(PreflightBlocked, match=text):
        with_disk(bench_of, **changes).run(Stage.VALIDATE)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"disks": vm_named("web-01", disks=3).disks}, "Hard disk 3 none -> 1 GiB"),
        ({"disks": vm_named("web-01").disks}, "Hard disk 2 1 GiB -> none"),
        (
            {"disks": (replace(vm_named("web-01").disks[0], capacity_bytes=GIB + 2**20), *TWO_DISKS[1:])},
            "Hard disk 1 1 GiB -> 1.000976562 GiB",
        ),
        ({"firmware": Firmware.BIOS}, "firmware efi -> bios"),
    ],
)
def test_a_vm_that_is_another_machine_than_the_planned_one_is_refused(bench_of, changes, text):
    with pytest.raises(PreflightBlocked, match=text):
        of_vm(bench_of, **changes).run(Stage.VALIDATE)


def test_lesser_changes_since_the_plan_are_noted(bench_of):
    moved = (replace(TWO_DISKS[0], path="[ds1] web-01/web-01-000001.vmdk"), TWO_DISKS[1])
    bench = of_vm(bench_of, host="esxi-09", disks=moved)
    assert "-> esxi-09" in bench.run(Stage.VALIDATE).notes["changed"]


def test_a_skipped_disk_is_no_obstacle(bench_of):
    bench = with_disk(bench_of, shared=True)
    key = bench.planned.vm.disks[1].key
    rule = PlannedDisk(key, skip=True, volume_class=bench.planned.volume_class)
    bench.planned = replace(bench.planned, disks=(rule,))
    bench.run_until(Stage.VERIFY)
    assert len(bench.artifacts.disks) == 1


def test_all_reasons_are_said_at_once(bench_of):
    bench = of_vm(bench_of, power_state=PowerState.SUSPENDED, connection_state="inaccessible", cpu_count=64)
    with pytest.raises(PreflightBlocked, match=r"inaccessible.*suspended.*64 needed"):
        bench.run(Stage.VALIDATE)


def test_a_vm_that_is_gone_or_another_is_refused(bench_of):
    bench = bench_of()
    bench.source.vms = {}
    with pytest.raises(SourceError, match="does not exist any more"):
        bench.run(Stage.VALIDATE)
    other = of_vm(bench_of, instance_uuid="2", name="mail-01")
    other.planned = replace(other.planned, vm=replace(other.planned.vm, instance_uuid="1"))
    with pytest.raises(SourceError, match="is not web-01 any more but mail-01"):
        other.run(Stage.VALIDATE)


def test_a_zone_without_stock_is_refused(bench):
    bench.cloud.catalogue_of = catalogue(stock=Stock.SHORTAGE)
    with pytest.raises(OutOfStock):
        bench.run(Stage.VALIDATE)


def test_bios_is_not_called_compatible(bench_of):
    def notes_of(firmware):
        return bench_of(vm=replace(vm_named("web-01"), firmware=firmware)).run(Stage.VALIDATE).notes

    assert "UEFI only" in notes_of(Firmware.BIOS)["firmware"]
    assert "firmware" not in notes_of(Firmware.EFI)


# --- snapshot and export


def running(bench_of):
    return of_vm(bench_of, power_state=PowerState.ON, tools_status="guestToolsRunning")


def test_a_guest_that_cannot_quiesce_is_taken_as_it_stands(bench_of):
    bench = running(bench_of)
    bench.world.rules.append(failing("create_snapshot", QuiesceFailed("the guest is too busy")))
    artifacts = bench.run(Stage.SNAPSHOT)
    assert artifacts.notes["consistency"].startswith("crash-consistent: the guest could not quiesce")
    assert len(bench.source.snapshots) == 1


def test_a_snapshot_that_fails_for_another_reason_is_not_taken_without_quiescing(bench_of):
    bench = running(bench_of)
    bench.world.rules.append(failing("create_snapshot", SourceError("the datastore is full")))
    with pytest.raises(SourceError, match="datastore is full"):
        bench.run(Stage.SNAPSHOT)
    assert bench.source.snapshots == {}


def test_a_cold_vm_needs_no_snapshot(bench_of):
    bench = of_vm(bench_of, power_state=PowerState.OFF)
    bench.planned = replace(bench.planned, consistency=Consistency.COLD)
    assert bench.run(Stage.SNAPSHOT).vmware_snapshot == ""
    assert bench.source.snapshots == {}
    bench.run(Stage.EXPORT)


def test_a_broken_disk_ends_the_export_and_a_finished_one_is_kept(bench, monkeypatch):
    monkeypatch.setattr(export_module, "PARALLEL_DISKS", 1)
    bench.run_until(Stage.SNAPSHOT)
    bench.world.rules.append(failing("receive", LeaseFailed("cut"), about="/2001"))
    with pytest.raises(LeaseFailed):
        bench.run(Stage.EXPORT)
    assert [lease.state for lease in bench.source.leases] == ["done", "aborted: left without completing"]
    assert bench.ledger.open_effects(EffectKind.NFC_LEASE) == ()
    bench.run(Stage.EXPORT)
    assert bench.world.calls["receive"] == 2, "the finished disk was not read again"
    assert export_holds(bench.input(), bench.ports).holds


@pytest.fixture
def slow_boot_disk(bench):
    """The boot disk is read until the other one is through."""
    bench.run_until(Stage.SNAPSHOT)
    receive, through = bench.disks.receive, threading.Event()

    def slow(stream, target, *, cancelled, **more):
        if stream.device_key == 2000:
            assert through.wait(5)
            assert not cancelled.is_set()
            return receive(stream, target, cancelled=cancelled, **more)
        received = receive(stream, target, cancelled=cancelled, **more)
        through.set()
        return received

    bench.disks.receive = slow
    return bench


def test_a_stream_that_broke_does_not_cost_the_disk_that_is_read_beside_it(slow_boot_disk):
    bench = slow_boot_disk
    bench.world.rules.append(failing("receive", LeaseFailed("it was cut"), about="/2001"))
    artifacts = bench.run(Stage.EXPORT)
    assert bench.world.calls["receive"] == 2, "each disk was read to its end once"
    assert artifacts.notes["export of disk 1"] == "read again: it was cut"
    assert bench.ledger.open_effects(EffectKind.NFC_LEASE) == ()
    assert export_holds(bench.input(), bench.ports).holds


def test_a_read_ends_with_its_lease_also_where_the_stream_stands_still(bench):
    bench.run_until(Stage.SNAPSHOT)

    def silent(*_args, cancelled, **_more):
        for lease in bench.source.leases:
            lease.failure = LeaseFailed("somebody ended the lease in vCenter")
        assert cancelled.wait(5)
        raise Cancelled("stopped")

    bench.disks.receive = silent
    with pytest.raises(LeaseFailed, match="somebody ended the lease"):
        bench.run(Stage.EXPORT)
    assert all(lease.state.startswith("aborted") for lease in bench.source.leases)


def test_a_damaged_stream_is_not_kept(bench, monkeypatch):
    bench.run_until(Stage.SNAPSHOT)
    monkeypatch.setattr("fakes.source.FakeLease.stream_digests", lambda _: {2000: ("sha1", "00" * 20)})
    with pytest.raises(LeaseFailed, match="arrived damaged"):
        bench.run(Stage.EXPORT)
    assert not (bench.work_dir / "device-2000.base.qcow2").exists()


def test_a_cancelled_export_ends_at_once(bench):
    bench.run_until(Stage.SNAPSHOT)
    context = bench.context()
    context.cancelled.set()
    stopped = threading.Event()

    def receive(*_args, cancelled, **_kwargs):
        assert cancelled.wait(5)
        stopped.set()
        raise Cancelled("stopped")

    bench.disks.receive = receive
    with pytest.raises(Cancelled):
        bench.run(Stage.EXPORT, context)
    assert stopped.is_set()


def test_resume_sees_a_base_that_was_changed(bench):
    bench.run_until(Stage.EXPORT)
    path = Path(bench.artifacts.disks[0].base.path)
    path.write_bytes(path.read_bytes()[::-1])
    found = export_holds(bench.input(), bench.ports)
    assert found.missing == ("the base image of disk 0 has other content",)


# --- convert and upload


@given(capacity_bytes=st.integers(512, 2 * TB), boot=st.booleans())
def test_a_volume_is_whole_gb_and_never_smaller_than_its_disk(capacity_bytes, boot):
    size = target_size_bytes(capacity_bytes, boot=boot, adapted=False)
    assert size % GB == 0
    assert size >= max(capacity_bytes, 10 * GB if boot else GB)
    assert size - capacity_bytes < GB or size in {GB, 10 * GB}


def test_a_disk_of_the_right_size_goes_up_without_a_copy(bench_of):
    vm = vm_named("web-01")
    bench = bench_of(vm=replace(vm, disks=(replace(vm.disks[0], capacity_bytes=20 * GB),)))
    bench.done.append(Stage.VALIDATE)
    bench.run_until(Stage.UPLOAD_S3)
    assert bench.world.calls["flatten"] == 0
    assert bench.artifacts.disks[0].virtual_size_bytes == 20 * GB


def test_a_disk_whose_guest_was_changed_is_flattened(bench_of):
    vm = vm_named("web-01")
    bench = bench_of(vm=replace(vm, disks=(replace(vm.disks[0], capacity_bytes=20 * GB),)))
    bench.done.append(Stage.VALIDATE)
    bench.run_until(Stage.CONVERT)
    with Path(bench.artifacts.disks[0].overlay.path).open("ab") as overlay:
        overlay.write(b"grub.cfg")
    bench.run(Stage.UPLOAD_S3)
    assert bench.world.calls["flatten"] == 1


def test_an_upload_that_broke_goes_on_and_surplus_ones_are_aborted(bench):
    bench.run_until(Stage.CONVERT)
    key = "migrations/00000001/disk-0.qcow2"
    bench.objects.begin_upload("transit", key)
    bench.world.rules.append(failing("upload_file", StorageUnavailable("reset"), about="disk-1"))
    with pytest.raises(StorageUnavailable):
        bench.run(Stage.UPLOAD_S3)
    assert bench.artifacts.disks[0].object_bytes > 0
    bench.run(Stage.UPLOAD_S3)
    assert bench.objects.uploads == {}
    assert len(bench.objects.objects) == 2
    assert upload_holds(bench.input(), bench.ports).holds


def test_an_upload_that_was_aborted_elsewhere_begins_again(bench):
    bench.run_until(Stage.CONVERT)
    upload_file, began = bench.objects.upload_file, []

    def aborted_at_first(path, bucket, key, upload_id, **more):
        began.append(upload_id)
        if len(began) == 1:
            bench.objects.abort_upload(bucket, key, upload_id)
        return upload_file(path, bucket, key, upload_id, **more)

    bench.objects.upload_file = aborted_at_first
    bench.run(Stage.UPLOAD_S3)
    assert len(began) == len(set(began)) == 3
    assert len(bench.objects.objects) == 2
    assert bench.ledger.open_effects(EffectKind.MULTIPART_UPLOAD) == ()


# --- at Scaleway


def test_an_import_in_error_is_refused_and_replaced_by_a_retry(bench):
    bench.run_until(Stage.UPLOAD_S3)
    make = bench.cloud._make

    def failing_make(kind, zone, name, tags, **more):
        made = make(kind, zone, name, tags, **more)
        bench.cloud._change("block_snapshot", made.id, state=CloudState.ERROR, status="error")
        return bench.cloud.resources["block_snapshot", made.id]

    bench.cloud._make = failing_make
    with pytest.raises(ImportRefused, match="without a reason") as caught:
        bench.run(Stage.IMPORT_SCW)
    assert "self-contained qcow2" in caught.value.hint
    bench.cloud._make = make
    bench.run(Stage.IMPORT_SCW)
    assert bench.made() == {"block_snapshot": 2}


def test_a_copy_that_was_changed_since_is_imported_anew(bench):
    bench.run_until(Stage.IMPORT_SCW)
    before = {each.id for each in bench.cloud.of_kind("block_snapshot")}
    bench.run(Stage.CONVERT)
    overlay = Path(bench.artifacts.disks[0].overlay.path)
    overlay.write_bytes(b"qcow2 with another grub.cfg on it " + overlay.read_bytes().split()[-1])
    bench.run(Stage.UPLOAD_S3)
    bench.run(Stage.IMPORT_SCW)
    after = {each.id for each in bench.cloud.of_kind("block_snapshot")}
    assert len(after) == 2
    assert len(before & after) == 1, "only the disk that changed"


def test_the_poll_outlives_a_few_bad_answers_but_not_many(bench):
    bench.run_until(Stage.UPLOAD_S3)
    bench.world.rules.append(failing("get", RateLimited("429"), times=5))
    context = bench.context()
    bench.run(Stage.IMPORT_SCW, context)
    assert context.polled[0] == "Scaleway import of disk 1"
    bench.world.rules.append(failing("get", TargetUnavailable("502"), times=99))
    with pytest.raises(TargetUnavailable, match="502"):
        bench.run(Stage.CREATE_INSTANCE)


def test_a_poll_waits_longer_and_longer_and_ends(bench):
    bench.run_until(Stage.UPLOAD_S3)
    bench.cloud.polls = 10**9
    context = bench.context()
    with pytest.raises(TargetUnavailable, match="still creating after 6h"):
        bench.run(Stage.IMPORT_SCW, context)
    assert context.pauses[0] < 1 < context.pauses[-1] <= 18
    assert "longer than usual" in context.progress.waits_for


def test_an_instance_that_falls_back_to_stopped_is_out_of_stock(bench):
    bench.run_until(Stage.IMPORT_SCW)
    states = iter([CloudState.STOPPED, CloudState.STOPPED, CloudState.PENDING, CloudState.STOPPED])
    get = bench.cloud.get

    def falling_back(kind, zone, resource_id):
        found = get(kind, zone, resource_id)
        return replace(found, state=next(states)) if kind == "instance" else found

    bench.cloud.get = falling_back
    with pytest.raises(OutOfStock, match="fell back to stopped"):
        bench.run(Stage.CREATE_INSTANCE)


def test_verify_names_everything_that_is_wrong(bench):
    bench.run_until(Stage.CREATE_INSTANCE)
    (server,) = bench.cloud.of_kind("instance")
    bench.cloud._change(
        "instance", server.id, commercial_type="DEV1-S", volumes=server.volumes[::-1], tags=()
    )
    bench.cloud._change("volume", server.volumes[1], size_bytes=5)
    with pytest.raises(VerificationFailed) as caught:
        bench.run(Stage.VERIFY)
    for text in ("type: DEV1-S", "another order", "disk 1: 5 bytes", "tags: without"):
        assert text in str(caught.value)


class FakeProber:
    """Answers after so many looks."""

    def __init__(self, looks):
        self.looks = looks
        self.asked = []

    def probe(self, address, probe, *, timeout_seconds):
        self.asked.append(f"{probe} {address}")
        return "refused" if len(self.asked) <= self.looks else ""


def test_verify_waits_until_the_guest_answers(bench_of):
    bench = bench_of(public_ip=True, checks=("tcp:22", "http:80/health"))
    bench.prober = FakeProber(3)
    bench.run_until(Stage.VERIFY)
    address = bench.artifacts.public_ip
    assert bench.prober.asked == [f"tcp:22 {address}"] * 4 + [f"http:80/health {address}"]
    assert f"ok http:80/health at {address}: answers after" in bench.artifacts.notes["verified"]


def test_a_guest_that_never_answers_fails_verify_with_the_reason(bench_of):
    bench = bench_of(public_ip=True, checks=("ping",), boot_timeout_seconds=120)
    bench.prober = FakeProber(10**6)
    with pytest.raises(VerificationFailed, match=r"WRONG ping at .*: refused for 2m"):
        bench.run_until(Stage.VERIFY)


@pytest.mark.parametrize(("power", "doubted"), [(PowerState.ON, True), (PowerState.OFF, False)])
def test_an_answer_that_the_source_may_have_given_says_so(tmp_path, power, doubted):
    """The Instance keeps the address, and the source still runs at it."""
    vm = replace(vm_named("web-01"), cpu_count=2, memory_mb=4096)
    vm = replace(vm, nics=(Nic(4000, "NIC 1", "00:50:56:00:00:01", "LAN", ip_addresses=("10.0.0.9",)),))
    nic = PlannedNic("NIC 1", "00:50:56:00:00:01", "LAN", "private-network-1", NicMode.KEEP)
    bench = make_bench(tmp_path, vm=vm, nics=(nic,), checks=("tcp:22",))
    bench.prober = FakeProber(0)
    bench.source.power[vm.moref] = power
    bench.run_until(Stage.VERIFY)
    text = "the source runs at this address too, so it may be the source that answers"
    assert (text in bench.artifacts.notes["verified"]) is doubted


def test_a_check_without_an_address_is_said(bench_of):
    bench = bench_of(checks=("ping",))
    bench.prober = FakeProber(0)
    with pytest.raises(VerificationFailed, match="no address to ask"):
        bench.run_until(Stage.VERIFY)


# --- cleanup


def test_what_the_plan_keeps_is_kept(bench):
    bench.change(
        post_migration=PostMigration(
            delete_vmware_snapshot=False, delete_s3_transit=False, tag_source="moved", power_off_source=True
        )
    )
    bench.run_until(Stage.CLEANUP)
    assert len(bench.source.snapshots) == 1
    assert len(bench.objects.objects) == 2
    assert bench.source.tags == {"vm-web-01": {"moved"}}
    assert bench.source.power == {"vm-web-01": PowerState.OFF}
    kinds = {each.kind for each in bench.ledger.open_effects()}
    assert {EffectKind.VMWARE_SNAPSHOT, EffectKind.OBJECT, EffectKind.SOURCE_TAG} <= kinds
    (power,) = bench.ledger.open_effects(EffectKind.SOURCE_POWER)
    assert power.resource_id == PowerState.ON.value


def test_local_images_are_kept_where_the_configuration_says_so(bench):
    bench.change(keep_local=True)
    bench.run_until(Stage.CLEANUP)
    assert list(bench.work_dir.glob("*.base.qcow2"))
    assert str(bench.work_dir) in bench.artifacts.notes["local images"]


def test_the_digests_of_what_was_sent_outlive_the_local_images(bench):
    flatten = bench.disks.flatten

    def with_manifest(overlay, target, **options):
        Path(f"{target}.manifest").write_text(f"digests of {target.name}")
        return flatten(overlay, target, **options)

    bench.disks.flatten = with_manifest
    bench.run_until(Stage.UPLOAD_S3)
    assert not list(bench.work_dir.glob("*.manifest")), "it goes with the copy"
    bench.run_until(Stage.CLEANUP)
    assert not bench.work_dir.exists()
    kept = [Path(disk.manifest_path).read_text() for disk in bench.artifacts.disks]
    assert kept == ["digests of disk-0.upload.qcow2", "digests of disk-1.upload.qcow2"]


def test_an_image_keeps_its_snapshots(bench):
    bench.change(make_image=True)
    bench.run_until(Stage.CLEANUP)
    assert bench.made()["block_snapshot"] == 2


# --- networks


def nic(network, mode=NicMode.DHCP, **more):
    return PlannedNic("n", "00:50:56:aa:bb:01", "LAN", network, mode, **more)


def test_nics_keep_get_or_ask_for_addresses(tmp_path):
    vm = replace(
        vm_named("web-01"),
        nics=(Nic(1, "n", "00:50:56:AA:BB:01", "LAN", ip_addresses=("fe80::1", "10.0.0.9")),),
    )
    planned = make_bench(tmp_path, vm=vm).planned
    cases = {
        nic("a", NicMode.KEEP): "10.0.0.9",
        nic("a", NicMode.STATIC, addresses=("10.0.0.5/24",)): "10.0.0.5",
        nic("a"): None,
    }
    for planned_nic, address in cases.items():
        (made,) = target_nics(replace(planned, nics=(planned_nic,)))
        assert (made.network, made.address) == ("a", address)
    for network in ("", "none", "public"):
        assert target_nics(replace(planned, nics=(nic(network),))) == ()


@pytest.mark.parametrize(
    ("asked", "network", "wanted"),
    [
        (None, "public", True),
        (None, "lan", False),
        (None, "", False),
        (True, "", True),
        (False, "public", False),
    ],
)
def test_nothing_goes_public_unasked(tmp_path, asked, network, wanted):
    planned = replace(make_bench(tmp_path).planned, public_ip=asked, nics=(nic(network),))
    assert planned.wants_public_ip is wanted
