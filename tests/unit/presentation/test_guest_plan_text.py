"""The plan of a guest as text: grouped by stage and reason, within the width, nothing lost."""

import pytest

from v2s_tui.domain.guest.plan import GuestPlan, PlannedStep
from v2s_tui.domain.guest.refusals import WINDOWS_BIOS
from v2s_tui.presentation.guest_plan import guest_plan_lines

KEY = r"SYSTEM\DriverDatabase\DriverPackages\vioscsi.inf_amd64_v2s\Descriptors\PCI\DEV_1048: Configuration"
PLAN = GuestPlan(
    found=(("system", "Debian GNU/Linux 12, x86_64"), ("kernel", "6.1: lacks virtio_pci, virtio_scsi " * 3)),
    steps=(
        PlannedStep("adapt_guest", "write", "/etc/fstab", "mount by UUID"),
        PlannedStep("adapt_guest", "remove", "/etc/udev/rules.d/70-persistent-net.rules", "old MACs"),
        PlannedStep("adapt_guest", "write", "/etc/crypttab", "mount by UUID"),
        PlannedStep("inject_virtio", "set", KEY, "the disk controller's driver"),
    ),
    warnings=("/dev/sdd1 in /etc/fstab is on no migrated disk",),
)


def test_changes_stand_below_their_stage_and_reason() -> None:
    text = "\n".join(guest_plan_lines(PLAN, width=80))
    assert (
        "\nadapt_guest: 3 changes\n  mount by UUID\n    write   /etc/fstab\n    write   /etc/crypttab\n"
        in text
    )
    assert "\ninject_virtio: 1 change\n" in text
    assert text.endswith("\nwarning   /dev/sdd1 in /etc/fstab is on no migrated disk")


@pytest.mark.parametrize("width", [40, 60, 80, 110])
def test_lines_keep_to_the_width_and_long_keys_are_broken_after_a_backslash(width: int) -> None:
    lines = guest_plan_lines(PLAN, width=width)
    assert max(map(len, lines)) <= width
    joined = "".join(line.strip() for line in lines)
    assert KEY.replace(" ", "") in joined.replace(" ", "")


def test_a_refused_guest_says_why_and_what_to_do() -> None:
    lines = guest_plan_lines(GuestPlan(refusals=(WINDOWS_BIOS,)), width=80)
    assert lines[0].startswith("refused   Windows boots by BIOS")
    assert "mbr2gpt /convert /allowFullOS" in " ".join(line.strip() for line in lines)


def test_a_guest_that_is_as_wanted_says_so() -> None:
    assert guest_plan_lines(GuestPlan(found=(("system", "x"),)), width=80)[-1] == "nothing to change"
