"""How disks will be moved here: the same choice as the engine will make, for estimates and checks."""

from collections.abc import Callable
from functools import cache

from v2s_tui.domain.execution.transfer import (
    LinkSpeeds,
    TransferChoice,
    choose_transfer,
    work_bytes_under,
)
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.engine.link_speeds import speeds_between
from v2s_tui.usecases.services import Services


def transfer_of(services: Services) -> Callable[[PlannedVm], TransferChoice]:
    """The choice for a VM, by migration.yaml and what was measured in this work folder."""
    settings = services.settings

    @cache
    def speeds_from(host: str) -> LinkSpeeds:
        """Read once for each host, not for each of its VMs."""
        return speeds_between(services.work_dir, host=host, storage=settings.scaleway.storage_name)

    def choose(planned: PlannedVm) -> TransferChoice:
        return choose_transfer(
            planned,
            settings.migration.export_strategy,
            speeds_from(planned.vm.host),
            keep_local=not settings.conversion.cleanup_on_success,
        )

    return choose


def work_bytes_of(services: Services) -> Callable[[PlannedVm], int]:
    """The peak scratch of a VM, as its disks will be moved here."""
    settings = services.settings
    return work_bytes_under(
        settings.migration.export_strategy, keep_local=not settings.conversion.cleanup_on_success
    )
