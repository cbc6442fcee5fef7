"""snapshot: a stable base at the source, `v2s-{migration}`; none for a cold VM, whose disks stand still."""

from dataclasses import replace

from v2s_tui.domain.errors import QuiesceFailed
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.source.vm import PowerState, Vm
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.naming import names_of
from v2s_tui.engine.stages.source_vm import vm_now

TOOLS_RUNNING = "guestToolsRunning"
"""vSphere's `guest.toolsRunningStatus` when the guest can be asked to quiesce."""


def take_snapshot(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: adopts the snapshot of an interrupted run by its name; a run that follows a finished one
    takes a new snapshot, and what was read of another one is read again, so that all disks are of one moment.
    """
    vm = vm_now(stage.planned, context.ports)
    if stage.planned.consistency is Consistency.COLD and vm.power_state is PowerState.OFF:
        return stage.artifacts.with_note("consistency", "cold: the VM was powered off while it was read")
    source = context.ports.source
    name = names_of(stage).vmware_snapshot
    effect = context.ledger.intend(EffectKind.VMWARE_SNAPSHOT, tag=name, where=source.name, detail=vm.moref)
    moref, note = source.find_snapshot(vm.moref, name), ""
    if moref is not None and moref == stage.artifacts.vmware_snapshot:
        context.progress.activity = "removing the snapshot of before"
        source.remove_snapshot(vm.moref, moref)
        moref = None
    if moref is None:
        moref, note = _take(stage, context, vm, name)
    context.ledger.made(effect, moref)
    artifacts = replace(stage.artifacts.unread(), vmware_snapshot=moref)
    return artifacts.with_note("consistency", note) if note else artifacts


def _take(stage: StageInput, context: StageContext, vm: Vm, name: str) -> tuple[str, str]:
    """The new snapshot's moref and how consistent it is. A guest that cannot quiesce is taken as it
    stands.
    """
    source = context.ports.source
    description = f"taken by v2s batch {stage.batch_id} to copy this VM; it is removed afterwards"
    running = vm.power_state is PowerState.ON
    if running and vm.tools_status == TOOLS_RUNNING:
        context.progress.activity = "quiescing the guest"
        try:
            moref = source.create_snapshot(vm.moref, name, description=description, quiesce=True)
        except QuiesceFailed as err:
            if (left := source.find_snapshot(vm.moref, name)) is not None:
                source.remove_snapshot(vm.moref, left)
            reason = f"crash-consistent: the guest could not quiesce ({err.title})"
        else:
            return moref, "file systems quiesced by VMware Tools"
    else:
        reason = "crash-consistent: VMware Tools do not run" if running else "the VM was powered off"
    context.progress.activity = "taking the snapshot"
    return source.create_snapshot(vm.moref, name, description=description, quiesce=False), reason


def snapshot_holds(stage: StageInput, ports: Ports) -> StageEvidence:
    """The snapshot is still there (or none was needed)."""
    if not stage.artifacts.vmware_snapshot:
        return StageEvidence(holds=True)
    found = ports.source.find_snapshot(stage.planned.vm.moref, names_of(stage).vmware_snapshot)
    if found == stage.artifacts.vmware_snapshot:
        return StageEvidence(holds=True)
    return StageEvidence(holds=False, missing=("the VMware snapshot is gone",))
