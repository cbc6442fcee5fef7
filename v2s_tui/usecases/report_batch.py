"""The report of a batch, made from its record alone: nobody outside is asked."""

from v2s_tui.adapters.formats.bundled_catalogue import bundled_catalogue
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.planning.cost import plan_cost
from v2s_tui.domain.report import BatchReport, report_of
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.presentation.import_blocks import import_blocks
from v2s_tui.presentation.report_text import REPORT_FORMATS
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import read_batch


def batch_report(services: Services, batch_id: str | None, output_format: str = "markdown") -> str:
    """The report as text in one of REPORT_FORMATS, or `opentofu`: import blocks of what was made.

    batch_id None: the newest. Raises StateError.
    """
    if output_format == "opentofu":
        state = read_batch(services, batch_id)
        return import_blocks(state.effects.values(), title=f"v2s batch {state.header.batch_id}")
    return REPORT_FORMATS[output_format](report_data(services, batch_id))


def report_data(services: Services, batch_id: str | None) -> BatchReport:
    """The report as data, with prices of this process's catalogues or the bundled ones."""
    state = read_batch(services, batch_id)
    return report_of(state, services.clock.now(), monthly_eur=_monthly_eur(services, state))


def _monthly_eur(services: Services, state: BatchState) -> dict[str, float]:
    def catalogue_of(zone: str) -> Catalogue:
        return services.catalogues.get(zone) or bundled_catalogue(zone)

    try:
        cost = plan_cost(state.planned.values(), catalogue_of)
    except InputError:
        return {}  # a zone that neither the API nor the bundled list knows has no price
    return {line.vm: line.monthly for line in cost.lines}
