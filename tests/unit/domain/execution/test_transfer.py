"""How a VM's disks are moved: the operator's word, else measured speeds and what a trim would save."""

from dataclasses import replace

import pytest
from fakes.plans import vm_named

from v2s_tui.domain.execution.transfer import (
    ASSUMED_TRIM_SHARE,
    LinkSpeeds,
    Strategy,
    TransferChoice,
    choose_transfer,
    overlap_pays,
    trim_share,
    work_bytes_under,
)
from v2s_tui.domain.execution.work_space import passing_bytes, peak_work_bytes
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.source.vm import Disk, GuestFilesystem, Vm
from v2s_tui.domain.units import GIB, MIB

EVEN, SLOW_UP = LinkSpeeds(100e6, 100e6), LinkSpeeds(100e6, 10e6)


def planned(vm: Vm | None = None, *, adapt: bool = True, rehearse: str = "off") -> PlannedVm:
    return PlannedVm(
        "a", vm or vm_named("a"), "POP2-2C-8G", "fr-par-1", "all", adapt=adapt, rehearse=rehearse
    )


def used(gib: int, *, stored_gib: int = 10, thin: bool = True, guest_id: str = "debian12_64Guest") -> Vm:
    return replace(
        vm_named("a"),
        guest_id=guest_id,
        disks=(Disk(2000, "Hard disk 1", 20 * GIB, thin=thin),),
        committed_bytes=stored_gib * GIB,
        guest_filesystems=(GuestFilesystem("/", 18 * GIB, (18 - gib) * GIB),),
    )


def way(vm: PlannedVm, strategy: Strategy, speeds: LinkSpeeds) -> tuple[bool, bool]:
    found = choose_transfer(vm, strategy, speeds)
    assert found.reason
    return found.overlap, found.passing


@pytest.mark.parametrize(
    ("down", "up", "share", "pays"),
    [(100, 100, 0.9, True), (100, 200, 0.9, True), (1000, 100, 0.05, True), (1000, 100, 0.2, False)],
)
def test_overlap_loses_only_on_slow_uplinks_with_much_to_trim(
    down: float, up: float, share: float, *, pays: bool
) -> None:
    assert overlap_pays(down=down, up=up, trim_share=share) is pays


def test_auto_overlaps_until_measurements_speak_against_it() -> None:
    assert way(planned(), Strategy.AUTO, LinkSpeeds()) == (True, False)
    assert way(planned(), Strategy.AUTO, LinkSpeeds(down=100e6)) == (True, False)
    assert way(planned(), Strategy.AUTO, EVEN) == (True, False)
    assert way(planned(), Strategy.AUTO, SLOW_UP) == (False, False)
    assert way(planned(used(10)), Strategy.AUTO, SLOW_UP) == (True, False), "nothing to trim"


def test_the_operators_word_holds_whatever_was_measured() -> None:
    assert way(planned(), Strategy.STREAMING, SLOW_UP) == (True, False)
    assert way(planned(), Strategy.LOCAL, EVEN) == (False, False)
    assert way(planned(adapt=False), Strategy.LOCAL, EVEN) == (False, False)
    assert way(planned(adapt=False), Strategy.STREAMING, EVEN) == (True, False)


def test_disks_that_nothing_opens_here_pass_through() -> None:
    assert way(planned(adapt=False), Strategy.AUTO, SLOW_UP) == (True, True)
    assert way(planned(adapt=False, rehearse="firmware"), Strategy.AUTO, EVEN) == (True, False)


@pytest.mark.parametrize(
    ("vm", "share"),
    [
        (planned(used(6)), 0.4),
        (planned(used(12)), 0.0),
        (planned(used(0)), 0.9),
        (planned(used(6, thin=False)), ASSUMED_TRIM_SHARE),
        (planned(vm_named("a")), ASSUMED_TRIM_SHARE),
        (planned(used(6), adapt=False), 0.0),
        (planned(used(6, guest_id="windows2019srv_64Guest")), 0.0),
    ],
    ids=["thin", "more-used-than-stored", "empty", "thick", "no-tools", "as-it-is", "windows"],
)
def test_what_a_trim_would_save(vm: PlannedVm, share: float) -> None:
    assert trim_share(vm) == pytest.approx(share)


def test_the_reason_names_what_was_measured() -> None:
    said = choose_transfer(planned(), Strategy.AUTO, SLOW_UP).text
    assert said.startswith("uploaded after the guest is adapted: ")
    assert "15%" in said
    assert TransferChoice(True, True, "why").text == "uploaded while received, without a local copy: why"


def test_a_disk_that_passes_through_reserves_a_few_parts_only() -> None:
    large = replace(vm_named("a"), disks=(Disk(2000, "Hard disk 1", 900 * GIB),), committed_bytes=None)
    asis = planned(large, adapt=False)
    auto, local = work_bytes_under(Strategy.AUTO), work_bytes_under(Strategy.LOCAL)
    assert auto(asis) < 12 * GIB < 900 * GIB < local(asis)
    assert auto(planned(large)) == local(planned(large)) == peak_work_bytes(planned(large))
    assert passing_bytes(10 * GIB) == 256 * MIB


def test_images_that_shall_stay_here_do_not_pass_through() -> None:
    vm = planned(adapt=False)
    choice = choose_transfer(vm, Strategy.AUTO, EVEN, keep_local=True)
    assert (choice.overlap, choice.passing) == (True, False)
    assert work_bytes_under(Strategy.AUTO, keep_local=True)(vm) == peak_work_bytes(vm)
