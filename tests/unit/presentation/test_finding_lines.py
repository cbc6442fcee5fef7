"""Findings for people: what many VMs share is one line."""

from dataclasses import replace

from v2s_tui.domain.planning.preflight.findings import Finding, blocks, notes, warns
from v2s_tui.presentation.findings import count_line, finding_lines, grouped_lines

UNMAPPED = warns("nic-unmapped", "no network for prod-net", "it is not connected", "map it")
BIOS = notes("bios", "the guest boots by BIOS", "it gets an ESP")
SUSPENDED = blocks("suspended", "the VM is suspended", "its memory would be lost", "resume it")


def on(finding: Finding, *vms: str) -> list[Finding]:
    return [replace(finding, vm=vm) for vm in vms]


def test_vms_that_share_a_finding_share_a_line() -> None:
    found = [*on(SUSPENDED, "db-1"), *on(UNMAPPED, "web-1", "web-2", "web-3", "web-4", "web-5")]
    assert grouped_lines(found) == [
        "BLOCK the VM is suspended [suspended]: db-1",
        "warn  no network for prod-net [nic-unmapped]: web-1, web-2 and 3 more",
    ]


def test_titles_of_one_code_stay_apart_until_they_are_many() -> None:
    few = [*on(UNMAPPED, "a"), *on(replace(UNMAPPED, title="no network for dev"), "b", "c")]
    assert grouped_lines(few) == [
        "warn  no network for prod-net [nic-unmapped]: a",
        "warn  no network for dev [nic-unmapped]: b, c",
    ]
    many = [replace(UNMAPPED, title=f"no network for {each}", vm=each) for each in "abcd"]
    assert grouped_lines(many) == ["warn  no network for a and the like [nic-unmapped]: a, b and 2 more"]


def test_an_accepted_finding_is_not_mixed_with_one_that_blocks() -> None:
    found = [*on(SUSPENDED, "a"), *on(replace(SUSPENDED, accepted="known"), "b")]
    assert [line.split()[0] for line in grouped_lines(found)] == ["BLOCK", "taken"]


def test_notes_can_be_counted_instead_and_batch_findings_name_no_vm() -> None:
    found = [UNMAPPED, *on(BIOS, "a", "b")]
    assert grouped_lines(found, notes=False) == ["warn  no network for prod-net [nic-unmapped]"]
    assert count_line(found).startswith("note  2 more")
    assert count_line([UNMAPPED]) == ""


def test_every_finding_is_in_the_full_list_with_its_fix() -> None:
    lines = finding_lines(on(UNMAPPED, "a", "b"), fixes=True)
    assert lines.count("      fix: map it") == 2


def test_what_several_vms_share_is_explained_once() -> None:
    assert grouped_lines(on(UNMAPPED, "a", "b"), fixes=True) == [
        "warn  no network for prod-net [nic-unmapped]: a, b",
        "      it is not connected",
        "      fix: map it",
    ]
