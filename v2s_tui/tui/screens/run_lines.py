"""The lines above the VMs on the Run screen: the batch in one line, its waves, its limits."""

from textual.content import Content

from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.presentation.run_columns import batch_line, limit_text, waves_text


def sum_line(snapshot: BatchSnapshot | None, *, planned: bool, starting: bool = False) -> Content:
    """State, counts, rate; without a batch, what could be started. planned: something is.

    starting: a runner was started for the batch and has not answered yet.
    """
    if snapshot is None:
        ready = "n starts the plan" if planned else "nothing is planned"
        return Content.styled(f"no batch is open: {ready}, 6 shows earlier ones", "$text-muted")
    state = "GATE" if snapshot.gate else snapshot.status.value
    if starting and not snapshot.live:
        return Content.styled(f"{snapshot.batch_id} its runner is starting... L shows its log", "bold")
    left = not snapshot.live and not snapshot.completed_at
    return Content.assemble(
        (f"{snapshot.batch_id} {state}", "bold"),
        "  " if left else "",
        (" NO RUNNER: R resumes ", "bold reverse") if left else "",
        ("  PAUSED" if snapshot.paused else "", "bold"),
        f"  {batch_line(snapshot)}",
        (f"  {snapshot.message}" if snapshot.message else "", "$text-muted"),
    )


def waves_line(snapshot: BatchSnapshot | None, width: int) -> Content:
    """Every wave with its counts, the current one where they do not fit into width."""
    return Content(waves_text(snapshot, width) if snapshot else "")


def limits_line(snapshot: BatchSnapshot | None, chosen_name: str) -> Content:
    """How much of each limit is in use; who holds the chosen one."""
    parts: list[str | tuple[str, str]] = []
    for limit in snapshot.limits if snapshot else ():
        chosen = limit.name == chosen_name
        parts.append((limit_text(limit), "reverse" if chosen else ""))
        if chosen and limit.holders:
            parts.append((f" by {', '.join(limit.holders[:3])}", "$text-muted"))
        parts.append("  ")
    return Content.assemble(*parts)
