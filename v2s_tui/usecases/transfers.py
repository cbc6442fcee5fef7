"""How disks will be moved here: the same choice as the engine will make, for estimates and checks."""

from collections.abc import Callable

from v2s_tui.domain.execution.transfer import TransferChoice, choose_transfer
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.engine.link_speeds import speeds_between
from v2s_tui.usecases.services import Services


def transfer_of(services: Services) -> Callable[[PlannedVm], TransferChoice]:
    """The choice for a VM, by migration.yaml and what was measured in this work folder."""
    settings = services.settings
    storage = settings.scaleway.s3_endpoint or settings.scaleway.s3_region

    def choose(planned: PlannedVm) -> TransferChoice:
        speeds = speeds_between(services.work_dir, host=planned.vm.host, storage=storage)
        return choose_transfer(planned, settings.migration.export_strategy, speeds)

    return choose
