"""Pre-flight of what is done to guests: each rule finds its case and only its case."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from planned_vms import planned_vm, resolved_plan, source_vm

from v2s_tui.domain.planning.plan_options import Consistency, GuestBackend
from v2s_tui.domain.planning.preflight.check import preflight
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, Severity
from v2s_tui.domain.source.vm import Firmware, PowerState
from v2s_tui.domain.target.instance_types import Catalogue

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CATALOGUE = Catalogue("fr-par-1", (), "api", date(2026, 2, 28))
WINDOWS = {"guest_id": "windows9_64Guest"}
BIOS = {"firmware": Firmware.BIOS}
UNPROVEN = "windows-unproven"
CODES = {
    "no-virtio-win",
    "windows-running",
    UNPROVEN,
    "no-virt-v2v",
    "no-rhsrvany",
    "bios-as-is",
    "no-rehearsal",
    "rehearsal-off",
    "guest-stages",
    "bios",
    "windows-bios",
}


def found(vm: dict[str, Any], planned: dict[str, Any], facts: dict[str, Any]) -> dict[str, Finding]:
    source = source_vm(**{"power_state": PowerState.OFF} | vm)
    plan = resolved_plan(planned_vm("a", source, **planned))
    known = PreflightFacts(now=NOW, s3_region="fr-par", quotas={}, **facts)
    return {each.code: each for each in preflight(plan, lambda _: CATALOGUE, known) if each.code in CODES}


@pytest.mark.parametrize(
    ("vm", "planned", "facts", "codes"),
    [
        (WINDOWS, {"adapt": True}, {"virtio_win": False}, {"no-virtio-win", UNPROVEN, "guest-stages"}),
        (WINDOWS, {"adapt": True}, {"virtio_win": True}, {UNPROVEN, "guest-stages"}),
        (WINDOWS, {"adapt": False}, {"virtio_win": False}, set()),
        ({}, {"adapt": True}, {"virtio_win": False}, {"guest-stages"}),
        (BIOS, {"adapt": False}, {}, {"bios-as-is"}),
        (BIOS, {"adapt": True}, {}, {"bios", "guest-stages"}),
        (BIOS | WINDOWS, {"adapt": False}, {}, {"windows-bios"}),
        ({}, {"adapt": True}, {"rehearsal_missing": "no QEMU"}, {"rehearsal-off", "guest-stages"}),
        (
            {},
            {"adapt": True, "rehearse": "userspace"},
            {"rehearsal_missing": "no QEMU"},
            {"no-rehearsal", "guest-stages"},
        ),
        ({}, {"adapt": True, "rehearse": "off"}, {"rehearsal_missing": "no QEMU"}, {"guest-stages"}),
        ({}, {"adapt": True, "rehearse": "userspace"}, {"rehearsal_missing": ""}, {"guest-stages"}),
    ],
)
def test_guest_rules(
    vm: dict[str, Any], planned: dict[str, Any], facts: dict[str, Any], codes: set[str]
) -> None:
    assert set(found(vm, planned, facts)) == codes


def test_firmware_blocks_until_an_operator_accepts_it_and_drivers_cannot_be_wished_for() -> None:
    wished = {"accepted": {"no-virtio-win": "it will be fine"}, "adapt": True}
    refused = found(WINDOWS, wished, {"virtio_win": False})["no-virtio-win"]
    assert refused.blocking
    assert "conversion.virtio_win_iso" in refused.fix
    assert "adapt: false" in refused.fix
    accepted = {"accepted": {"bios-as-is": "only its data is needed"}, "adapt": False}
    assert not found(BIOS, accepted, {})["bios-as-is"].blocking


BACKEND = {"adapt": True, "guest_backend": GuestBackend.VIRT_V2V}
NOT_HERE = {"virt_v2v_missing": "not installed: virt-v2v-in-place"}
NOT_FOR_WINDOWS = {"virt_v2v_missing": "", "windows_v2v_missing": "no rhsrvany.exe is in /usr/share"}
HERE = {"virt_v2v_missing": "", "windows_v2v_missing": ""}


@pytest.mark.parametrize(
    ("vm", "planned", "facts", "code"),
    [
        ({}, BACKEND, NOT_HERE, "no-virt-v2v"),
        (WINDOWS, BACKEND, NOT_HERE, "no-virt-v2v"),
        (WINDOWS, BACKEND, NOT_FOR_WINDOWS, "no-rhsrvany"),
        ({}, BACKEND, NOT_FOR_WINDOWS, ""),
        (WINDOWS, BACKEND, HERE, ""),
        ({}, BACKEND, {}, ""),
        ({}, {"adapt": True}, NOT_HERE, ""),
        ({}, BACKEND | {"adapt": False}, NOT_HERE, ""),
    ],
)
def test_virt_v2v_must_be_here_where_the_plan_asks_for_it(
    vm: dict[str, Any], planned: dict[str, Any], facts: dict[str, Any], code: str
) -> None:
    findings = found(vm, planned, facts)
    assert {"no-virt-v2v", "no-rhsrvany"} & set(findings) == ({code} if code else set())
    if code:
        wished = found(vm, planned | {"accepted": {code: "it will be there"}}, facts)[code]
        assert wished.blocking
        assert "guest_backend: v2s" in wished.fix


def test_the_note_says_that_virt_v2v_lists_no_files() -> None:
    note = found({}, BACKEND, HERE)["guest-stages"]
    assert note.title == "on its copy: virt-v2v, adapt_guest, ensure_uefi, rehearse_boot"
    assert "but what virt-v2v changes is not" in note.why


RUNNING = WINDOWS | {"power_state": PowerState.ON}
NO_TOOLS = RUNNING | {"tools_status": "guestToolsNotRunning"}


@pytest.mark.parametrize(
    ("vm", "planned", "severity"),
    [
        (RUNNING, {"adapt": True}, Severity.WARNS),
        (NO_TOOLS, {"adapt": True}, Severity.BLOCKS),
        (NO_TOOLS, {"adapt": True, "consistency": Consistency.COLD}, None),
        (NO_TOOLS, {"adapt": False}, None),
        (NO_TOOLS | {"power_state": PowerState.OFF}, {"adapt": True}, None),
        (NO_TOOLS | {"guest_id": "debian12_64Guest"}, {"adapt": True}, None),
    ],
)
def test_a_running_windows_is_named_before_it_is_copied(
    vm: dict[str, Any], planned: dict[str, Any], severity: Severity | None
) -> None:
    finding = found(vm, planned, {}).get("windows-running")
    assert (finding.severity if finding else None) is severity
    if finding:
        assert "consistency: cold" in finding.fix


@pytest.mark.parametrize(
    ("vm", "adapt", "warned"), [(WINDOWS, True, True), (WINDOWS, False, False), ({}, True, False)]
)
def test_a_windows_that_nothing_boots_is_named(vm: dict[str, Any], adapt: bool, warned: bool) -> None:
    assert ("windows-unproven" in found(vm, {"adapt": adapt}, {})) is warned


def test_a_note_names_what_is_done_to_the_copy() -> None:
    note = found({}, {"adapt": True}, {})["guest-stages"]
    assert note.severity is Severity.NOTES
    assert note.title == "on its copy: adapt_guest, ensure_uefi, rehearse_boot"
