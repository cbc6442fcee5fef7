"""Rules about what is done to the guest: drivers, firmware, and the boot that proves it."""

from collections.abc import Iterable

from v2s_tui.domain.execution.job import stages_of
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, blocks, notes, warns
from v2s_tui.domain.planning.preflight.machine_rules import tools_silent
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import LINUX_GUEST_STAGES, WINDOWS_GUEST_STAGES, Stage
from v2s_tui.domain.source.vm import Firmware, PowerState

_GUEST_STAGES = LINUX_GUEST_STAGES | WINDOWS_GUEST_STAGES | {Stage.REHEARSE_BOOT}


def guest_findings(planned: PlannedVm, facts: PreflightFacts) -> Iterable[Finding]:
    """All findings of this group on one VM."""
    if not planned.vm.readable:
        return
    yield from _drivers(planned, facts)
    yield from _virt_v2v(planned, facts)
    yield from _running_windows(planned)
    yield from _unproven_windows(planned)
    yield from _as_it_is(planned)
    yield from _rehearsal(planned, facts)
    yield from _stages(planned)


def _drivers(planned: PlannedVm, facts: PreflightFacts) -> Iterable[Finding]:
    if planned.windows and planned.adapt and facts.virtio_win is False:
        yield blocks(
            "no-virtio-win",
            "no virtio drivers for Windows",
            "without them Windows finds neither its disk nor its network at Scaleway",
            "set conversion.virtio_win_iso to the virtio-win ISO, or adapt: false where they are installed",
            overridable=False,
        )


def _virt_v2v(planned: PlannedVm, facts: PreflightFacts) -> Iterable[Finding]:
    if not planned.by_virt_v2v:
        return
    why, otherwise = "the plan asks for guest_backend: virt-v2v", "or guest_backend: v2s"
    if facts.virt_v2v_missing:
        yield blocks(
            "no-virt-v2v",
            facts.virt_v2v_missing,
            why,
            f"apt-get install virt-v2v nbdkit, {otherwise}",
            overridable=False,
        )
    elif planned.windows and facts.windows_v2v_missing:
        yield blocks(
            "no-rhsrvany",
            f"virt-v2v cannot convert Windows here: {facts.windows_v2v_missing}",
            f"{why}, which starts its script for the first boot by one of them",
            f"put rhsrvany.exe (Fedora's package mingw32-srvany) there, {otherwise}",
            overridable=False,
        )


def _running_windows(planned: PlannedVm) -> Iterable[Finding]:
    """A mounted NTFS volume has changes in its journal, which adaptation refuses to throw away."""
    running = planned.vm.power_state is PowerState.ON and planned.consistency is Consistency.SNAPSHOT
    if not planned.windows or not planned.adapt or not running:
        return
    code, fix = "windows-running", "consistency: cold shuts it down first"
    if tools_silent(planned.vm):
        yield blocks(
            code,
            "Windows runs and cannot be quiesced: VMware Tools do not run",
            "its volumes are copied open; their journals are then in use, and its adaptation is refused",
            f"{fix}; or shut it down by hand, or start the Tools so that the snapshot is quiesced",
        )
    else:
        yield warns(
            code,
            "Windows is copied while it runs",
            "its snapshot is quiesced; where quiescing fails, or a volume's journal is in use all the same, "
            "its adaptation is refused after the whole copy",
            fix,
        )


def _unproven_windows(planned: PlannedVm) -> Iterable[Finding]:
    if planned.windows and planned.adapt:
        yield warns(
            "windows-unproven",
            "its boot cannot be proven here",
            "Windows gets drivers and boot loader offline and, unlike Linux, does not boot here first",
            "let the plan ask it (checks: [tcp:3389]) and keep the source as it is until it answers",
        )


def _as_it_is(planned: PlannedVm) -> Iterable[Finding]:
    if not planned.adapt and planned.vm.firmware is Firmware.BIOS and not planned.windows:
        yield blocks(
            "bios-as-is",
            "the guest boots by BIOS and is copied as it is",
            "Scaleway boots by UEFI only: the copy cannot boot there",
            "adapt: true gives its copy an EFI system partition and boot loader",
        )


def _rehearsal(planned: PlannedVm, facts: PreflightFacts) -> Iterable[Finding]:
    if not planned.rehearses or not facts.rehearsal_missing:
        return
    if planned.rehearse:
        yield blocks(
            "no-rehearsal",
            f"it cannot be rehearsed here: {facts.rehearsal_missing}",
            f"the plan asks for {planned.rehearse} before anything is sent",
            "install what is missing (`v2s doctor` names the packages), or rehearse: off",
            overridable=False,
        )
    else:
        yield notes(
            "rehearsal-off",
            f"its boot is not rehearsed: {facts.rehearsal_missing}",
            "whether it boots is seen at Scaleway only",
            "install what is missing; `v2s doctor` names the packages",
        )


def _stages(planned: PlannedVm) -> Iterable[Finding]:
    own = [stage.value for stage in stages_of(planned) if stage in _GUEST_STAGES]
    besides = ["virt-v2v"] if planned.by_virt_v2v else []
    listed = "every changed file is listed in the report"
    if own:
        yield notes(
            "guest-stages",
            f"on its copy: {', '.join([*besides, *own])}",
            f"{listed}{', but what virt-v2v changes is not' if besides else ''}; "
            "the source's disks are never written to",
        )
