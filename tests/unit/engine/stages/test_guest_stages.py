"""The stages that change and boot a guest: what they are told, and what they tell an operator."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from fakes.bench import Bench, make_bench
from fakes.guests import FakeGuests
from fakes.plans import vm_named

from v2s_tui.domain.errors import BootNotProven
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal
from v2s_tui.domain.planning.plan_options import GuestBackend, VolumeClass
from v2s_tui.domain.planning.resolved import PlannedDisk
from v2s_tui.domain.planning.stages import Stage


class SlowGuests(FakeGuests):
    """Boots whose time runs out; remembers how much they had."""

    given = 0.0

    def rehearse(self, disks, *, required, timeout_seconds, **_):
        self.given = timeout_seconds
        late = f"level {required.label} was not reached within {timeout_seconds} s"
        return Rehearsal(required, (), late, "Starting", "", "tcg", "scaleway", timeout_seconds + 0.2)


def test_a_rehearsal_has_the_time_that_the_plan_gives_it(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, adapt=True, boot_timeout_seconds=1200)
    bench.guests = SlowGuests(bench.world)
    with pytest.raises(BootNotProven, match="within 1200 s") as error:
        bench.run_until(Stage.REHEARSE_BOOT)
    assert bench.guests.given == 1200
    assert "boot_timeout_seconds" in error.value.hint


def test_a_boot_that_failed_early_is_not_blamed_on_time(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, adapt=True)
    bench.guests = FakeGuests(bench.world, boots_to=EvidenceLevel.KERNEL)
    with pytest.raises(BootNotProven, match="initramfs") as error:
        bench.run_until(Stage.REHEARSE_BOOT)
    assert "boot_timeout_seconds" not in error.value.hint


class BusyHost(FakeGuests):
    """Its first boot is spoiled by the host's load."""

    def rehearse(self, disks, **asked):
        return replace(super().rehearse(disks, **asked), boots=2)


def test_the_proof_says_that_a_boot_was_repeated(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, adapt=True)
    bench.guests = BusyHost(bench.world)
    artifacts = bench.run_until(Stage.REHEARSE_BOOT)
    assert "boot 2: the host was too busy before" in artifacts.notes["rehearsal"]


@pytest.mark.parametrize("mode", InitramfsMode)
def test_the_initramfs_is_treated_as_the_plan_says(tmp_path: Path, mode: InitramfsMode) -> None:
    bench = make_bench(tmp_path, adapt=True, initramfs=mode)
    bench.run_until(Stage.ADAPT_GUEST)
    assert bench.guests.initramfs == [mode]


class NoNetwork(FakeGuests):
    """It boots to a login prompt, and its network configuration names another card."""

    def rehearse(self, disks, **asked):
        whole = super().rehearse(disks, **asked)
        kept = tuple(each for each in whole.observations if each.level is not EvidenceLevel.NETWORK)
        return replace(whole, observations=kept)


def test_the_proof_says_that_the_network_stayed_down(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, adapt=True)
    bench.guests = NoNetwork(bench.world)
    assert "network card" in bench.run_until(Stage.REHEARSE_BOOT).notes["rehearsal"]
    assert (
        "network card"
        not in make_bench(tmp_path / "good", adapt=True).run_until(Stage.REHEARSE_BOOT).notes["rehearsal"]
    )


def test_a_skipped_disk_leaves_its_place(tmp_path: Path) -> None:
    """The guest calls its third disk sdc, whether or not the second comes along."""
    vm = vm_named("web-01", disks=3)
    stays = PlannedDisk(vm.disks[1].key, skip=True, volume_class=VolumeClass.SBS_5K)
    bench = make_bench(tmp_path, vm=vm, adapt=True, disks=(stays,))
    bench.run_until(Stage.ADAPT_GUEST)
    assert bench.guests.places == [(0, 2)]


GUEST_CALLS = {"make_overlay", "run_virt_v2v", "adapt_linux", "clean_tools", "inject_virtio"}


def listened(bench: Bench) -> list[str]:
    """Filled with the work on guests and their overlays, in order."""
    calls: list[str] = []

    def listen(operation: str, _about: str, phase: str) -> None:
        if phase == "before" and operation in GUEST_CALLS:
            calls.append(operation)

    bench.world.rules.append(listen)
    return calls


def test_virt_v2v_converts_a_linux_guest_before_v2s_does(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, adapt=True, guest_backend=GuestBackend.VIRT_V2V)
    bench.run_until(Stage.CONVERT)
    calls = listened(bench)
    artifacts = bench.run(Stage.ADAPT_GUEST)
    whole = ["make_overlay", "make_overlay", "run_virt_v2v", "adapt_linux"]
    assert calls == whole
    assert artifacts.notes["virt-v2v"] == "virt-v2v-in-place 2.2.0 converted it"
    assert list(orjson.loads(Path(artifacts.guest_manifest).read_bytes())) == ["virt-v2v", "adapt_guest"]
    bench.run(Stage.ADAPT_GUEST)
    assert calls == whole * 2, "a repeated run begins on fresh overlays"


def test_virt_v2v_converts_windows_once_it_was_not_refused(tmp_path: Path) -> None:
    vm = vm_named("win", guest_id="windows2019srv_64Guest")
    asked = {"adapt": True, "guest_backend": GuestBackend.VIRT_V2V, "skip_validation": True}
    bench = make_bench(tmp_path, vm=vm, **asked)
    bench.run_until(Stage.CONVERT)
    calls = listened(bench)
    artifacts = bench.run_until(Stage.INJECT_VIRTIO)
    assert calls == ["make_overlay", "clean_tools", "run_virt_v2v", "inject_virtio"]
    assert artifacts.notes["boot"] == "unproven"


def test_virt_v2v_is_not_run_unasked(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, adapt=True)
    calls = listened(bench)
    bench.run_until(Stage.ADAPT_GUEST)
    assert "adapt_linux" in calls
    assert "run_virt_v2v" not in calls
