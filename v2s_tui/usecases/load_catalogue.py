"""Instance types, prices and stock of a zone: from the API, else the bundled figures, which say so."""

from v2s_tui.adapters.formats.bundled_catalogue import bundled_catalogue
from v2s_tui.domain.errors import ConfigError, TargetError
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.usecases.services import Services


def load_catalogue(services: Services, zone: str) -> Catalogue:
    """The zone's catalogue, asked once per process. Raises InputError for a zone nobody knows.

    Without keys or without an answer the bundled catalogue serves, so that planning works offline; its
    `source` and date tell, and screens and estimates show it.
    """
    known = services.catalogues.get(zone)
    if known is None:
        known = services.catalogues[zone] = _ask(services, zone)
    return known


def _ask(services: Services, zone: str) -> Catalogue:
    try:
        return services.cloud().catalogue(zone)
    except (TargetError, ConfigError):
        return bundled_catalogue(zone)
