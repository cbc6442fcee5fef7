"""What the step bar says of each step: how much is there, and what wants the operator."""

from typing import TYPE_CHECKING

from v2s_tui.domain.units import counted
from v2s_tui.tui.widgets.step_bar import StepFacts
from v2s_tui.tui.workspace import Workspace

if TYPE_CHECKING:
    from v2s_tui.domain.execution.snapshot import BatchSnapshot
    from v2s_tui.usecases.look_ahead import Outlook


def step_facts(
    work: Workspace, outlook: "Outlook | None", batch: "BatchSnapshot | None", *, starting: bool = False
) -> dict[str, StepFacts]:
    """By step; a step without facts is left out. starting: the batch's runner was started a moment ago."""
    plan, inventory = work.plan, work.inventory
    planned = len(outlook.resolved.vms) if outlook else len(plan.migrations)
    waves = counted(len(plan.waves), "wave") if plan.waves else ""
    facts = {
        "inventory": StepFacts(str(len(inventory)) if inventory else ""),
        "sizing": StepFacts(str(planned) if planned else ""),
        "plan": StepFacts(waves, alarm=work.dirty),
    }
    if batch is not None:
        facts["run"] = _run_facts(batch, starting=starting)
    return facts


def _run_facts(batch: "BatchSnapshot", *, starting: bool) -> StepFacts:
    if not batch.live and starting:
        return StepFacts("starting")
    if not batch.live and batch.completed_at is None:
        return StepFacts("no runner", alarm=True)
    word = "GATE" if batch.gate else batch.status.value
    return StepFacts(word, alarm=batch.gate is not None or batch.counters.failed > 0)
