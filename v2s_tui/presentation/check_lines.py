"""How a check of `v2s doctor` reads."""

from v2s_tui.domain.checks import Check


def check_line(check: Check) -> str:
    """`ok    host      qemu-img             qemu-img version 7.2.22`."""
    return f"{check.state.value:<5} {check.area:<9} {check.name:<22} {check.detail}".rstrip()
