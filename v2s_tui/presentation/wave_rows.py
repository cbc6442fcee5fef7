"""A plan as a list of waves with their VMs beneath: the Plan screen and `plan show`."""

from dataclasses import dataclass

from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan, ResolvedWave
from v2s_tui.domain.planning.source_power import touched_power
from v2s_tui.domain.units import counted
from v2s_tui.presentation.columns import Column

_MOST_NAMES = 4
"""On one line of the Plan screen."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A wave (planned is None) or a VM in it. blocks, warns: findings on the VM, or on the wave's VMs."""

    wave: ResolvedWave
    planned: PlannedVm | None = None
    blocks: int = 0
    warns: int = 0

    @property
    def key(self) -> str:
        """Identity of the row."""
        return f"vm:{self.planned.name}" if self.planned else f"wave:{self.wave.name}"


def plan_rows(resolved: ResolvedPlan, blocks: dict[str, int], warns: dict[str, int]) -> list[PlanRow]:
    """Each wave followed by its VMs, in starting order."""
    planned = {each.name: each for each in resolved.vms}
    rows: list[PlanRow] = []
    for wave in resolved.waves:
        names = wave.vm_names
        rows.append(
            PlanRow(wave, None, sum(blocks.get(n, 0) for n in names), sum(warns.get(n, 0) for n in names))
        )
        rows += [PlanRow(wave, planned[name], blocks.get(name, 0), warns.get(name, 0)) for name in names]
    return rows


def _name(row: PlanRow) -> str:
    return (
        f"  {row.planned.name}"
        if row.planned
        else f"{row.wave.name} ({counted(len(row.wave.vm_names), 'VM')})"
    )


def _after(row: PlanRow) -> str:
    if row.planned is None:
        return f"then {row.wave.pause_after.value}"
    return row.planned.target_type or "no type fits"


def window_text(wave: ResolvedWave) -> str:
    """`starts from Mon 22:00 until Tue 04:00`, in this host's time; "" when it is open."""
    ends = [
        f"{word} {moment.astimezone():%a %d %b %H:%M}"
        for word, moment in (("from", wave.not_before), ("until", wave.not_after))
        if moment is not None
    ]
    return f"starts {' '.join(ends)}" if ends else ""


def power_of_row(resolved: ResolvedPlan, row: PlanRow) -> list[str]:
    """What a wave, or one VM, does to the power of its sources; empty when nothing."""
    members = frozenset(row.wave.vm_names)
    chosen = [row.planned] if row.planned else [each for each in resolved.vms if each.name in members]
    touched = touched_power(row.wave.name, chosen, resolved.post_migration)
    return [f"POWER {line}" for line in touched.describe(most_names=_MOST_NAMES)]


def _notes(row: PlanRow) -> str:
    return row.planned.notes if row.planned else window_text(row.wave)


def _findings(row: PlanRow) -> str:
    parts = [f"{row.blocks} block" if row.blocks else "", f"{row.warns} warn" if row.warns else ""]
    return " ".join(part for part in parts if part)


PLAN_COLUMNS: tuple[Column[PlanRow], ...] = (
    Column("name", "Wave / VM", 26, _name),
    Column("after", "Goes to", 22, _after),
    Column("findings", "Findings", 16, _findings),
    Column("priority", "Prio", 4, lambda row: str(row.planned.priority) if row.planned else "", right=True),
    Column("host", "ESXi host", 14, lambda row: row.planned.vm.host if row.planned else "", important=False),
    Column("disk", "Disk", 9, lambda row: f"{row.planned.vm.total_disk_gib:,.0f} GiB" if row.planned else "",
           right=True, important=False),
    Column("notes", "Window / notes", 44, _notes, important=False),
)  # fmt: skip
