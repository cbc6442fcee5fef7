"""The stages that change and boot a guest: what they are told, and what they tell an operator."""

from pathlib import Path

import pytest
from fakes.bench import make_bench
from fakes.guests import FakeGuests

from v2s_tui.domain.errors import VerificationFailed
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal
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
    with pytest.raises(VerificationFailed, match="within 1200 s") as error:
        bench.run_until(Stage.REHEARSE_BOOT)
    assert bench.guests.given == 1200
    assert "boot_timeout_seconds" in error.value.hint


def test_a_boot_that_failed_early_is_not_blamed_on_time(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, adapt=True)
    bench.guests = FakeGuests(bench.world, boots_to=EvidenceLevel.KERNEL)
    with pytest.raises(VerificationFailed, match="initramfs") as error:
        bench.run_until(Stage.REHEARSE_BOOT)
    assert "boot_timeout_seconds" not in error.value.hint
