"""The VM as it is at the source now, and which of its disks move."""

from v2s_tui.domain.errors import SourceError
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.source.vm import Vm
from v2s_tui.engine.stage_contract import Ports


def vm_now(planned: PlannedVm, ports: Ports) -> Vm:
    """The VM read again; SourceError when it is gone or is another VM than the plan meant."""
    found = ports.source.with_details([planned.vm])
    if not found:
        raise SourceError(
            f"{planned.name} does not exist any more ({planned.vm.moref})",
            hint="was it deleted or re-registered? make a new plan from a new inventory",
        )
    uuid = planned.vm.instance_uuid
    if uuid and found[0].instance_uuid and found[0].instance_uuid != uuid:
        raise SourceError(
            f"{planned.vm.moref} is not {planned.name} any more but {found[0].name}",
            hint="make a new plan from a new inventory",
        )
    return found[0]
