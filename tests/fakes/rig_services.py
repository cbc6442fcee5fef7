"""Services whose doors are those of a Rig: what command line and app call, over a batch in memory."""

from fakes.rig import Rig
from v2s_tui.config.settings import ConversionSettings, Settings, VmwareSettings
from v2s_tui.usecases.services import Lazy, Services


def services_over(rig: Rig) -> Services:
    """Its work folder is the rig's, so that a stored state is found."""
    settings = Settings(
        vmware=VmwareSettings(vcenter="vcenter.example.com", username="operator"),
        conversion=ConversionSettings(work_dir=rig.work_dir),
    )
    return Services(
        settings=settings,
        clock=rig.clock,
        source=Lazy(lambda: rig.source),
        cloud=Lazy(lambda: rig.cloud),
        objects=Lazy(lambda: rig.objects),
        disks=Lazy(lambda: rig.disks),
        guests=Lazy(lambda: rig.guests),
    )
