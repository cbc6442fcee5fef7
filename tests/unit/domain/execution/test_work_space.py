"""The work space of one VM: figures that reservations and forecasts rest on, and what bounds them."""

from dataclasses import replace

import pytest
from fakes.plans import vm_named
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.domain.execution.work_space import GUEST_CHANGES_BYTES, peak_work_bytes
from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.domain.planning.resolved import PlannedDisk, PlannedVm
from v2s_tui.domain.source.vm import Disk
from v2s_tui.domain.units import GIB, MIB

SKIP_SECOND = (PlannedDisk(2001, skip=True, volume_class=VolumeClass.SBS_5K),)


def planned(*sizes_gib: int, occupied: int | None = None, **options: object) -> PlannedVm:
    disks = tuple(
        Disk(2000 + index, f"Hard disk {index + 1}", size * GIB) for index, size in enumerate(sizes_gib)
    )
    vm = replace(vm_named("web-01"), disks=disks, committed_bytes=occupied)
    return PlannedVm("web-01", vm, "POP2-2C-8G", "fr-par-1", "all", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("vm", "peak_mib"),
    [
        (planned(16, occupied=600 * MIB, adapt=True), 600 + 34 + 1024),
        (planned(16, occupied=600 * MIB, adapt=False), 600 + 34),
        (planned(16, occupied=600 * MIB, adapt=False, rehearse="firmware"), 600 + 34 + 1024),
        (planned(100, 400, occupied=50 * GIB, adapt=True), 50 * 1024 + 1004 + 1024),
        (planned(100, 400, adapt=True), 500 * 1024 + 1004 + 1024),
        (planned(100, 400, occupied=520 * GIB, adapt=True), 500 * 1024 + 1004 + 1024),
        (planned(100, 400, occupied=450 * GIB, disks=SKIP_SECOND), 100 * 1024 + 202),
    ],
    ids=["thin", "as-it-is", "rehearsed", "two-disks", "not-told", "swap-is-no-disk", "one-skipped"],
)
def test_peaks_are_these(vm: PlannedVm, peak_mib: int) -> None:
    assert peak_work_bytes(vm) / MIB == pytest.approx(peak_mib)


@given(
    sizes=st.lists(st.integers(1, 2000), min_size=1, max_size=6),
    occupied=st.none() | st.integers(1, 5000),
    adapt=st.booleans(),
)
def test_data_that_does_not_compress_always_fits(sizes: list[int], occupied: int | None, adapt: bool) -> None:
    occupied_bytes = occupied * GIB if occupied else None
    peak = peak_work_bytes(planned(*sizes, occupied=occupied_bytes, adapt=adapt))
    capacity = sum(sizes) * GIB
    assert peak >= min(occupied_bytes or capacity, capacity)
    assert peak <= capacity * 1.01 + 2 * GUEST_CHANGES_BYTES
