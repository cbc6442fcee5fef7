"""How disks are stored while they are received: by migration.yaml, and by what a canary has proven."""

from datetime import datetime

from v2s_tui.adapters.store.canaries import read_canary
from v2s_tui.config.settings import ScalewaySettings, Settings
from v2s_tui.domain.execution.canary import Target


def canary_target(scaleway: ScalewaySettings) -> Target:
    """The importer that migration.yaml leads to."""
    return Target(scaleway.s3_region, scaleway.api_url, scaleway.storage_url)


def cluster_mode(settings: Settings, now: datetime) -> str:
    """`plain`, `w12` or `pass` (adapters/disk/codec.py). Raises StateError for a damaged canary record."""
    conversion = settings.conversion
    if not conversion.compress_qcow2:
        return "plain"
    if conversion.cluster_mode != "auto":
        return conversion.cluster_mode
    record = read_canary(conversion.work_dir, canary_target(settings.scaleway))
    return "pass" if record is not None and record.proves(now) else "w12"
