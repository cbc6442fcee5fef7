"""The report of a batch, made from its record."""

from v2s_tui.presentation.run_columns import RUN_COLUMNS
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import batch_picture


def batch_report(services: Services, batch_id: str) -> str:
    picture = batch_picture(services, batch_id)
    return "\n".join(" | ".join(c.cell(row) for c in RUN_COLUMNS) for row in picture.vms)
