"""How a check of `v2s doctor` reads."""

import textwrap

from v2s_tui.domain.checks import Check

_FIX = "      fix: "
_NARROWEST = 40


def check_lines(check: Check, *, width: int | None = None) -> list[str]:
    """`ok    host      qemu-img             qemu-img version 7.2.22`, and its fix beneath.

    width: of the terminal, longer lines go on beneath their beginning; None leaves them as long as they are.
    """
    head = f"{check.state.value:<5} {check.area:<9} {check.name:<20} "
    lines = _wrapped(head, check.detail, width)
    return [*lines, *(_wrapped(_FIX, check.fix, width) if check.fix else [])]


def _wrapped(head: str, text: str, width: int | None) -> list[str]:
    """What a server or a proxy said may hold line ends and escape sequences; none reaches the terminal."""
    text = "".join(each if each.isprintable() else " " for each in text)
    if width is None:
        return [f"{head}{text}".rstrip()]
    indent = " " * len(head if len(head) <= width - _NARROWEST else _FIX)
    return textwrap.wrap(
        text, max(width, _NARROWEST), initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
    ) or [head.rstrip()]
