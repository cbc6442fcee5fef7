"""How a leftover reads in a table."""

from v2s_tui.domain.leftovers import Leftover
from v2s_tui.domain.units import format_eur
from v2s_tui.presentation.columns import Column

LEFTOVER_COLUMNS: tuple[Column[Leftover], ...] = (
    Column("kind", "What", 16, lambda row: row.found.kind.value),
    Column("name", "Name", 40, lambda row: row.found.name, grows=True),
    Column("use", "Batch", 9,
           lambda row: "resumable" if row.resumable else "-" if row.recorded else "unknown"),
    Column("place", "Where", 12, lambda row: row.found.place, important=False),
    Column("vm", "VM", 16, lambda row: row.vm_name or "?", important=False),
    Column("age", "Age", 7, lambda row: f"{row.age_days:.1f} d" if row.age_days is not None else "?",
           lambda row: row.age_days or 0.0, right=True, important=False),
    Column("cost", "Per month", 10, lambda row: format_eur(row.monthly_eur),
           lambda row: row.monthly_eur, right=True),
    Column("why", "Why", 40,
           lambda row: row.reason + (" (its batch can still use it)" if row.resumable else ""),
           important=False),
)  # fmt: skip
