"""Pre-flight findings as lines and counts."""

from collections.abc import Iterable, Sequence

from v2s_tui.domain.planning.preflight.findings import Finding, Severity
from v2s_tui.presentation.columns import Column

_WORDS = {Severity.BLOCKS: "BLOCK", Severity.WARNS: "warn", Severity.NOTES: "note"}
MOST_TITLES = 3
"""A code with more different titles than this is told once: they differ in a figure only."""
MOST_NAMES = 3
"""VMs that a line names; of more, two are named and the rest counted."""


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


def severity_word(finding: Finding) -> str:
    """`BLOCK`, `warn`, `note`, or `taken` for one the operator accepted."""
    return "taken" if finding.accepted else _WORDS[finding.severity]


FINDING_COLUMNS: tuple[Column[Finding], ...] = (
    Column("severity", "Grave", 5, severity_word),
    Column("vm", "VM", 16, lambda each: each.vm or "(batch)"),
    Column("title", "Finding", 40, lambda each: each.title, grows=True),
    Column("code", "Code", 20, lambda each: each.code, important=False),
)


def finding_detail(finding: Finding) -> list[str]:
    """Why it matters, what to do, and why it was accepted."""
    lines = [f"{severity_word(finding)} {finding.vm or 'batch'}: {finding.title} [{finding.code}]"]
    lines += [f"why  {finding.why}"] if finding.why else []
    lines += [f"fix  {finding.fix}"] if finding.fix else []
    lines += [f"accepted: {finding.accepted}"] if finding.accepted else []
    return lines if finding.overridable else [*lines, "accepting it could not help"]


def finding_lines(findings: Iterable[Finding], *, fixes: bool = False) -> list[str]:
    """One line a finding; with fixes, why and what to do beneath it."""
    lines: list[str] = []
    for each in findings:
        lines.append(f"{severity_word(each):<5} {each.vm or 'batch'}: {each.title} [{each.code}]")
        lines += _advice(each) if fixes else []
    return lines


def grouped_lines(findings: Iterable[Finding], *, notes: bool = True, fixes: bool = False) -> list[str]:
    """One line for what several VMs share, in the order of the findings.

        warn  no network for prod-net [nic-unmapped]: web-01, web-02 and 3 more

    notes: False leaves them to `count_line`. fixes: why and what to do beneath, as the first of them says it.
    """
    groups: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    for each in findings:
        if notes or each.severity is not Severity.NOTES:
            titles = groups.setdefault((severity_word(each), each.code), {})
            titles.setdefault(each.title, []).append(each)
    lines: list[str] = []
    for (word, code), titles in groups.items():
        for title, alike in _told(titles):
            lines.append(f"{word:<5} {title} [{code}]{_names([each.vm for each in alike])}")
            lines += _advice(alike[0]) if fixes else []
    return lines


def _advice(finding: Finding) -> list[str]:
    lines = [f"      {finding.why}"] if finding.why else []
    lines += [f"      fix: {finding.fix}"] if finding.fix else []
    return [*lines, *([f"      accepted: {finding.accepted}"] if finding.accepted else [])]


def count_line(findings: Iterable[Finding]) -> str:
    """How many notes there are besides, and where they are shown; "" without any."""
    count = sum(each.severity is Severity.NOTES for each in findings)
    return f"note  {count} more to know: `v2s plan check` shows them" if count else ""


def _told(titles: dict[str, list[Finding]]) -> Iterable[tuple[str, list[Finding]]]:
    """(title, findings) of each line for one code."""
    if len(titles) <= MOST_TITLES:
        return titles.items()
    first = next(iter(titles))
    return [(f"{first} and the like", [each for alike in titles.values() for each in alike])]


def _names(vms: Sequence[str]) -> str:
    names = list(dict.fromkeys(vm for vm in vms if vm))
    if len(names) > MOST_NAMES:
        return f": {', '.join(names[:2])} and {len(names) - 2} more"
    return f": {', '.join(names)}" if names else ""
