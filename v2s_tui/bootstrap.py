"""From settings to services: the only module that knows which adapter stands behind which port."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from v2s_tui.config.load import load_config
from v2s_tui.config.settings import Settings
from v2s_tui.domain.errors import ConfigError
from v2s_tui.domain.planning.bandwidth import parse_rates
from v2s_tui.usecases.services import Lazy, Services

if TYPE_CHECKING:
    from v2s_tui.domain.ports import Cloud, Disks, Guests, ObjectStore, Prober, Source


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Current time, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        return time.monotonic()


def build_services(settings: Settings) -> Services:
    """Services whose doors open when first used; nothing is dialled or imported here."""
    return Services(
        settings=settings,
        clock=SystemClock(),
        source=Lazy(lambda: _source(settings)),
        cloud=Lazy(lambda: _cloud(settings)),
        objects=Lazy(lambda: _objects(settings)),
        disks=Lazy(lambda: _disks(settings)),
        guests=Lazy(lambda: _guests(settings)),
        prober=Lazy(_prober),
    )


@contextmanager
def open_services(
    config: Path | None, *, warn: Callable[[str], None], environ: Mapping[str, str] | None = None
) -> Iterator[Services]:
    """Read the configuration, say its warnings, give the services, log out at the end. Raises ConfigError."""
    settings = load_config(config, environ)
    for warning in settings.warnings:
        warn(f"v2s: {warning}")
    services = build_services(settings)
    try:
        yield services
    finally:
        services.close()


def _source(settings: Settings) -> "Source":
    from v2s_tui.adapters.vsphere.address import VcenterAddress
    from v2s_tui.adapters.vsphere.source import connect

    vmware = settings.vmware
    for key, variable in (("vcenter", "VCENTER_HOST"), ("username", "VCENTER_USERNAME")):
        if not getattr(vmware, key):
            raise ConfigError(
                f"vmware.{key} is not set",
                hint=f"set it in migration.yaml or {variable}; without a vCenter, `v2s demo` has one",
            )
    return connect(
        VcenterAddress(
            host=vmware.vcenter,
            port=vmware.port,
            username=vmware.username,
            password=vmware.password.resolve,
            ca_file=str(vmware.ca_file or ""),
            thumbprint=vmware.thumbprint or "",
            insecure=vmware.insecure,
        )
    )


def _cloud(settings: Settings) -> "Cloud":
    from v2s_tui.adapters.scaleway.access import ScalewayAccess
    from v2s_tui.adapters.scaleway.cloud import ScalewayCloud

    scaleway = settings.scaleway
    if not scaleway.project_id:
        raise ConfigError("scaleway.project_id is not set", hint="set it in migration.yaml or SCW_PROJECT_ID")
    return ScalewayCloud(
        ScalewayAccess(
            access_key=scaleway.access_key.resolve_key(),
            secret_key=scaleway.secret_key.resolve_key(),
            project_id=scaleway.project_id,
            organization_id=scaleway.organization_id,
            api_url=scaleway.api_url,
            ca_file=scaleway.ca_file,
            rate=scaleway.api_rate,
        )
    )


def _objects(settings: Settings) -> "ObjectStore":
    from v2s_tui.adapters.objectstore.access import StorageAccess
    from v2s_tui.adapters.objectstore.store import S3ObjectStore

    scaleway = settings.scaleway
    schedule = parse_rates(scaleway.max_rate)
    return S3ObjectStore(
        StorageAccess(
            access_key=scaleway.access_key.resolve_key(),
            secret_key=scaleway.secret_key.resolve_key(),
            region=scaleway.s3_region,
            endpoint=scaleway.storage_url,
            ca_file=scaleway.ca_file,
        ),
        bytes_per_second=lambda: schedule.bytes_per_second(datetime.now().astimezone().time()),
    )


def _disks(settings: Settings) -> "Disks":
    from v2s_tui.adapters.disk.local import LocalDisks
    from v2s_tui.usecases.cluster_mode import cluster_mode

    return LocalDisks(mode=cluster_mode(settings, datetime.now(UTC)), layered=True)


def _guests(settings: Settings) -> "Guests":
    from v2s_tui.adapters.guest.local import GuestSettings, LocalGuests

    conversion = settings.conversion
    return LocalGuests(
        GuestSettings(cache_folder(), conversion.virtio_win_iso, conversion.rehearsal_memory_mib)
    )


def _prober() -> "Prober":
    from v2s_tui.adapters.reachability.prober import NetworkProber

    return NetworkProber()


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the appliance's kernel is kept between runs."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "v2s"
