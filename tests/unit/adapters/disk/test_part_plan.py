"""Parts of an image that is not finished yet."""

from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.adapters.disk.part_plan import FullParts, Part
from v2s_tui.domain.execution.part_size import LEAST_PART_BYTES, part_bytes_for

GB = 10**9
LARGEST_IMPORT = 1000 * GB


@given(st.integers(min_value=1, max_value=LARGEST_IMPORT))
def test_a_full_disk_fits_into_the_parts_object_storage_takes(virtual_size_bytes: int) -> None:
    part_bytes = part_bytes_for(virtual_size_bytes)
    assert 5 * 1000**2 <= part_bytes <= 5 * GB
    assert virtual_size_bytes * 1.002 / part_bytes <= 980


def test_small_disks_have_small_parts_so_that_the_first_goes_out_early() -> None:
    assert part_bytes_for(10 * GB) == LEAST_PART_BYTES
    assert part_bytes_for(LARGEST_IMPORT) > 900 * 1024**2


@given(st.lists(st.integers(min_value=0, max_value=5000), min_size=1).map(sorted))
def test_each_part_but_the_first_is_announced_once_and_never_too_early(ends: list[int]) -> None:
    announced: list[Part] = []
    parts = FullParts(300, announced.append)
    for end in ends:
        parts.reached(end)
        assert all(part.offset + part.size_bytes <= end for part in announced)
    assert [part.number for part in announced] == list(range(2, ends[-1] // 300 + 1))
    assert all(part.offset == (part.number - 1) * 300 for part in announced)
