"""Pre-flight: each rule finds its case and only its case, and acceptances are recorded."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from planned_vms import planned_vm, resolved_plan, source_vm

from v2s_tui.domain.errors import PreflightBlocked
from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.plan_options import Consistency, VolumeClass
from v2s_tui.domain.planning.preflight.capacity_rules import type_quota
from v2s_tui.domain.planning.preflight.check import blocking, preflight, require_clear
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, Severity
from v2s_tui.domain.planning.preflight.window_rules import window_findings
from v2s_tui.domain.planning.resolved import PlannedDisk, ResolvedPlan
from v2s_tui.domain.planning.simulation import Timeline
from v2s_tui.domain.source.vm import Disk, DiskBacking, Firmware, GuestFilesystem, PowerState, Snapshot, Vm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType, Stock
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.domain.units import GIB, MIB, TB

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = PreflightFacts(now=NOW, s3_region="fr-par", quotas={}, work_free_bytes=1000 * GIB)
CATALOGUE = Catalogue(
    "fr-par-1",
    (
        InstanceType("POP2-2C-8G", "POP2", 2, 8 * GIB, 0.1, block_bandwidth=400 * 1024**2),
        InstanceType("PRO2-XXS", "PRO2", 2, 8 * GIB, 0.055),
        InstanceType("POP2-2C-8G-WIN", "POP2-WIN", 2, 8 * GIB, 0.25, windows=True),
        InstanceType("SCARCE", "X", 4, 16 * GIB, 1, stock=Stock.SCARCE),
        InstanceType("GONE", "X", 4, 16 * GIB, 1, stock=Stock.SHORTAGE),
    ),
    "api",
    date(2026, 2, 28),
)
MAPPED = (PlannedNic("Network adapter 1", "00:50:56:00:00:01", "VM Network", "pn-1"),)


def findings(plan: ResolvedPlan, facts: PreflightFacts = FACTS) -> tuple[Finding, ...]:
    return preflight(plan, lambda _: CATALOGUE, facts)


def codes(vm: Vm | None = None, facts: PreflightFacts = FACTS, **planned: Any) -> dict[str, Severity]:
    plan = resolved_plan(planned_vm("a", vm or source_vm(power_state=PowerState.OFF), nics=MAPPED, **planned))
    return {each.code: each.severity for each in findings(plan, facts)}


def disk(**changes: Any) -> tuple[Disk, ...]:
    return (replace(Disk(2000, "Hard disk 1", 40 * GIB), **changes),)


def test_the_room_that_an_adapted_boot_disk_needs_counts() -> None:
    nearly = source_vm(power_state=PowerState.OFF, disks=disk(capacity_bytes=TB - 100 * MIB))
    assert "disk-above-1tb" in codes(nearly, adapt=True)
    assert "disk-above-1tb" not in codes(nearly, adapt=False)


def test_a_plain_vm_has_no_findings() -> None:
    assert codes() == {}


BLOCKS, WARNS, NOTES = Severity.BLOCKS, Severity.WARNS, Severity.NOTES
OLD = Snapshot("s", "old", NOW - timedelta(days=45))


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"readable": False, "disks": ()}, "unreadable", BLOCKS),
        ({"connection_state": "disconnected"}, "disconnected", BLOCKS),
        ({"power_state": PowerState.SUSPENDED}, "suspended", BLOCKS),
        ({"power_state": PowerState.ON}, "writes-after-snapshot", NOTES),
        ({"power_state": PowerState.ON, "tools_status": "toolsNotInstalled"}, "no-tools", WARNS),
        ({"power_state": PowerState.ON, "passthrough_devices": 1}, "passthrough", BLOCKS),
        ({"passthrough_devices": 1}, "passthrough", WARNS),
        ({"encrypted": True}, "encrypted", BLOCKS),
        ({"has_tpm": True}, "tpm", WARNS),
        ({"secure_boot": True}, "secure-boot", NOTES),
        ({"usb_devices": 2}, "usb", WARNS),
        ({"firmware": Firmware.BIOS}, "bios-as-is", BLOCKS),
        ({"firmware": Firmware.BIOS, "guest_id": "windows9_64Guest"}, "windows-bios", BLOCKS),
        ({"guest_id": "windows9Guest"}, "windows-32-bit", WARNS),
        ({"guest_id": "freebsd13_64Guest"}, "os-unsupported", BLOCKS),
        ({"guest_id": "other"}, "os-unknown", WARNS),
        ({"name": "n" * 70}, "long-name", NOTES),
        ({"disks": ()}, "no-disks", BLOCKS),
        ({"disks": disk(backing=DiskBacking.RDM_VIRTUAL)}, "rdm", BLOCKS),
        ({"disks": disk(mode="independent_persistent")}, "independent-disk", BLOCKS),
        ({"disks": disk(shared=True)}, "shared-disk", BLOCKS),
        ({"disks": disk(capacity_bytes=0)}, "zero-size-disk", BLOCKS),
        ({"disks": disk(capacity_bytes=40 * GIB + 1)}, "odd-size-disk", WARNS),
        ({"disks": disk(capacity_bytes=TB + 512)}, "disk-above-1tb", BLOCKS),
        ({"disks": disk(capacity_bytes=5 * GIB)}, "small-boot-disk", NOTES),
        ({"disks": disk() * 17}, "too-many-disks", BLOCKS),
        ({"snapshots": (OLD,)}, "old-snapshots", WARNS),
        ({"snapshots": tuple(replace(OLD, created_at=NOW) for _ in range(4))}, "many-snapshots", WARNS),
        ({"snapshots": (Snapshot("s", "deep", NOW, depth=9),)}, "many-snapshots", WARNS),
        ({"consolidation_needed": True}, "consolidation-needed", WARNS),
        ({"change_tracking": False}, "cbt-off", NOTES),
        ({"guest_filesystems": (GuestFilesystem("/", 10 * GIB, 10**7),)}, "filesystem-nearly-full", WARNS),
        ({"memory_mb": 16384}, "type-misfit", BLOCKS),
        ({"cpu_count": 4}, "type-misfit", BLOCKS),
    ],
)
def test_source_rules(changes: dict[str, Any], code: str, severity: Severity) -> None:
    found = codes(source_vm(**{"power_state": PowerState.OFF} | changes))
    assert found[code] is severity


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"target_type": ""}, "no-type", BLOCKS),
        ({"target_type": "NOPE"}, "type-unknown", BLOCKS),
        ({"target_type": "GONE"}, "out-of-stock", BLOCKS),
        ({"target_type": "SCARCE"}, "scarce", WARNS),
        ({"target_type": "POP2-2C-8G-WIN"}, "type-misfit", BLOCKS),
        ({"volume_class": VolumeClass.SBS_15K}, "bandwidth-below-iops", WARNS),
        ({"zone": "nl-ams-1"}, "bucket-region", BLOCKS),
        ({"disks": (PlannedDisk(2000, skip=True, volume_class=VolumeClass.SBS_5K),)}, "no-disks", BLOCKS),
    ],
)
def test_target_rules(changes: dict[str, Any], code: str, severity: Severity) -> None:
    assert codes(**changes)[code] is severity


def test_network_rules() -> None:
    def on(*nics: PlannedNic, **changes: Any) -> set[str]:
        plan = resolved_plan(planned_vm("a", source_vm(power_state=PowerState.OFF), nics=nics, **changes))
        return {each.code for each in findings(plan)}

    nic = MAPPED[0]
    assert "nic-unmapped" in on(replace(nic, network=""))
    assert "nic-unmapped" not in on(replace(nic, network=""), create_instance=False)
    assert "too-many-nics" in on(*[nic] * 9)
    assert "unreachable" in on(replace(nic, network="none"), public_ip=False)
    assert "no-addresses" in on(replace(nic, mode=NicMode.KEEP))


def test_a_cold_move_of_a_running_vm_without_tools_is_warned_of() -> None:
    vm = source_vm(power_state=PowerState.ON, tools_status="toolsNotRunning")
    found = codes(vm, consistency=Consistency.COLD)
    assert found == {"no-clean-shutdown": WARNS}
    off = source_vm(power_state=PowerState.OFF, tools_status="toolsNotRunning")
    assert codes(off, consistency=Consistency.COLD) == {}


def test_who_is_powered_off_in_the_end_and_cannot_be_asked_is_warned_of() -> None:
    vm = source_vm(power_state=PowerState.ON, tools_status="toolsNotRunning")

    def shutdowns(post: PostMigration, *, hard: bool = False) -> list[tuple[str, str]]:
        plan = resolved_plan(planned_vm("a", vm, nics=MAPPED, hard_power_off=hard), post_migration=post)
        found = findings(plan)
        return [(each.vm, each.code) for each in found if each.code in {"no-clean-shutdown", "plug-pulled"}]

    off = PostMigration(power_off_source=True)
    assert shutdowns(PostMigration()) == []
    assert shutdowns(off) == [("a", "no-clean-shutdown")]
    assert shutdowns(off, hard=True) == [("a", "plug-pulled")]


def test_acceptances_are_recorded_and_unblock_only_what_may_be_overridden() -> None:
    vm = source_vm(power_state=PowerState.OFF, disks=disk(shared=True, capacity_bytes=2 * TB))
    reasons = {"shared-disk": "the other node is off", "disk-above-1tb": "try it"}
    found = findings(resolved_plan(planned_vm("a", vm, nics=MAPPED, accepted=reasons)))
    assert {each.code: each.accepted for each in found} == {
        "shared-disk": "the other node is off",
        "disk-above-1tb": "",
    }
    assert [each.code for each in blocking(found)] == ["disk-above-1tb"]
    with pytest.raises(PreflightBlocked, match=r"a: Hard disk 1 has 2\.00 TB"):
        require_clear(found)
    require_clear(each for each in found if each.code == "shared-disk")


def test_a_disk_that_is_skipped_needs_no_place_on_the_instance() -> None:
    """As too-many-disks tells the operator to do."""
    disks = tuple(Disk(2000 + number, f"Hard disk {number + 1}", 10 * GIB) for number in range(17))
    skipped = (PlannedDisk(2016, skip=True, volume_class=VolumeClass.SBS_5K),)
    vm = source_vm("a", disks=disks)
    assert {"type-misfit", "too-many-disks"} <= set(codes(vm))
    assert not {"type-misfit", "too-many-disks"} & set(codes(vm, disks=skipped))


def test_a_quota_of_the_zone_wins_over_the_regions_and_the_global_one() -> None:
    name = "cp_servers_type_POP2_2C_8G"
    quotas = {name: 9, f"{name}@fr-par-1": 2, f"{name}@nl-ams": 4, "other": 0}
    zones = ("fr-par-1", "fr-par-2", "nl-ams-3")
    assert [type_quota(quotas, "POP2-2C-8G", zone) for zone in zones] == [2, 9, 4]
    assert type_quota({f"{name}_WIN": 0, f"{name}@pl-waw-1": 1}, "POP2-2C-8G", "fr-par-1") is None


def quota_plan() -> ResolvedPlan:
    vms = [
        planned_vm(
            f"vm{n}",
            source_vm(f"vm{n}", power_state=PowerState.OFF),
            nics=MAPPED,
            wave="one" if n < 2 else "two",
        )
        for n in range(4)
    ]
    return resolved_plan(*vms)


def test_quotas_are_counted_wave_by_wave_and_a_way_out_is_proposed() -> None:
    facts = replace(FACTS, quotas={"cp_servers_type_POP2_2C_8G": 4}, usage={"fr-par-1": {"POP2-2C-8G": 1}})
    (found,) = findings(quota_plan(), facts)
    assert (found.code, found.wave, found.vm) == ("quota", "two", "")
    assert "4 POP2-2C-8G in fr-par-1 by wave two, 3 allowed" in found.title
    assert "vm3" in found.fix
    assert "use PRO2-XXS" in found.fix
    assert "1 more POP2-2C-8G" in found.fix
    assert findings(quota_plan(), replace(facts, quotas={"cp_servers_type_POP2_2C_8G": -1})) == ()
    in_zone = replace(facts, quotas={"cp_servers_type_POP2_2C_8G@fr-par-1": 4})
    assert findings(quota_plan(), in_zone) == (found,), "some accounts have limits by zone only"
    assert findings(quota_plan(), replace(facts, usage={})) == ()
    accepted = replace(quota_plan(), accepted={"quota": "ticket 4711 raises it tonight"})
    assert not blocking(findings(accepted, facts))


def test_other_capacity_rules() -> None:
    plan = quota_plan()
    plan = replace(plan, vms=tuple(replace(each, public_ip=True) for each in plan.vms))
    facts = replace(
        FACTS,
        quotas={"ips": 3},
        work_free_bytes=16 * GIB,
        missing_privileges={"vm-vm1": ("VirtualMachine.State.CreateSnapshot",)},
        access_problems=("no right to import",),
    )
    found = {(each.code, each.vm) for each in findings(plan, facts)}
    assert found == {
        ("scaleway-access", ""),
        ("rights", "vm1"),
        ("ip-quota", ""),
        ("work-disk-tight", ""),
    }
    tiny = {each.code for each in findings(plan, replace(FACTS, work_free_bytes=GIB))}
    assert tiny == {"work-disk"}
    assert [each.code for each in findings(plan, replace(FACTS, quotas=None))] == ["quotas-unknown"]
    empty = findings(replace(resolved_plan(), unmatched_selectors=("web-*",)))
    assert [each.code for each in empty] == ["empty-plan", "unmatched"]


def test_rights_to_switch_power_are_missed_only_where_power_is_touched() -> None:
    power = ("VirtualMachine.Interact.PowerOff", "VirtualMachine.Interact.PowerOn")
    facts = replace(FACTS, missing_privileges={"vm-vm0": power, "vm-vm1": power})
    plan = quota_plan()
    assert "rights" not in {each.code for each in findings(plan, facts)}
    cold = replace(plan.vms[1], consistency=Consistency.COLD)
    cold_plan = replace(plan, vms=(plan.vms[0], cold, *plan.vms[2:]))
    assert [each.vm for each in findings(cold_plan, facts) if each.code == "rights"] == [cold.name]
    after = replace(plan, post_migration=PostMigration(power_off_source=True))
    assert [each.vm for each in findings(after, facts) if each.code == "rights"] == ["vm0", "vm1"]


def test_every_finding_says_what_why_and_what_to_do() -> None:
    vm = source_vm(
        readable=True, disks=disk(shared=True, mode="independent_persistent"), encrypted=True, has_tpm=True
    )
    for each in findings(resolved_plan(planned_vm("a", vm, target_type="NOPE")), replace(FACTS, quotas=None)):
        assert each.title
        assert each.why
        assert each.fix or each.severity is NOTES


def test_windows_are_compared_with_the_forecast() -> None:
    plan = resolved_plan(planned_vm("a"), planned_vm("b", wave="late"))
    timeline = Timeline(waves=[("one", 0.0, 7200.0), ("late", 7200.0, 9000.0)])

    def found(begin: datetime | None, end: datetime) -> list[tuple[str, Severity]]:
        first = replace(plan.waves[0], not_before=begin, not_after=end)
        windowed = replace(plan, waves=(first, plan.waves[1]))
        return [(each.code, each.severity) for each in window_findings(windowed, timeline, NOW)]

    assert found(None, NOW) == [("window-over", BLOCKS)]
    assert found(NOW + timedelta(hours=5), NOW + timedelta(hours=6)) == [("window-short", WARNS)]
    assert found(NOW + timedelta(hours=5), NOW + timedelta(hours=8)) == []
    assert list(window_findings(plan, timeline, NOW)) == []
