"""Pre-flight findings as lines and counts."""

from collections.abc import Iterable

from v2s_tui.domain.planning.preflight.findings import Finding, Severity

_WORDS = {Severity.BLOCKS: "BLOCK", Severity.WARNS: "warn", Severity.NOTES: "note"}


def findings_of(findings: Iterable[Finding]) -> tuple[dict[str, int], dict[str, int]]:
    """How many findings block, and how many warn, by VM name."""
    blocks: dict[str, int] = {}
    warns: dict[str, int] = {}
    for each in findings:
        if each.blocking:
            blocks[each.vm] = blocks.get(each.vm, 0) + 1
        elif each.severity is Severity.WARNS:
            warns[each.vm] = warns.get(each.vm, 0) + 1
    return blocks, warns


def finding_lines(findings: Iterable[Finding], *, fixes: bool = False) -> list[str]:
    """One line a finding; with fixes, why and what to do beneath it."""
    lines: list[str] = []
    for each in findings:
        word = "taken" if each.accepted else _WORDS[each.severity]
        lines.append(f"{word:<5} {each.vm or 'batch'}: {each.title} [{each.code}]")
        if fixes:
            lines += [f"      {each.why}"] if each.why else []
            lines += [f"      fix: {each.fix}"] if each.fix else []
            lines += [f"      accepted: {each.accepted}"] if each.accepted else []
    return lines
