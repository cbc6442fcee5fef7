"""What a VM in a batch does, why it failed, and what a gate asks: lines of text for screens and terminals."""

from v2s_tui.domain.execution.snapshot import BatchSnapshot, VmRow
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.units import format_duration
from v2s_tui.presentation.run_columns import bar, bytes_text, eta_text, status_word, why_waiting


def vm_lines(row: VmRow) -> list[str]:
    """State, progress, and the stages with the time each took."""
    stage = f" {row.stage.value}" if row.stage else ""
    attempt = f" attempt {row.attempt}" if row.attempt > 1 else ""
    head = f"{row.name}  {status_word(row)}{stage}{attempt}  {why_waiting(row)}".rstrip()
    progress = f"{bar(row.fraction, 24)} {row.fraction:4.0%}  {bytes_text(row)}  {eta_text(row)}".rstrip()
    done = "  ".join(f"{name} {format_duration(seconds)}" for name, seconds in row.stage_seconds.items())
    made = "  ".join(
        f"{name} {value}" for name, value in (("image", row.image_id), ("Instance", row.server_id)) if value
    )
    return [line for line in (head, progress, done, made) if line]


def failure_lines(row: VmRow) -> list[str]:
    """What failed, its cause, the fix, the tool's last words and the keys; nothing when nothing failed."""
    if not row.failure_title:
        return []
    stage = row.stage.value if row.stage else "?"
    lines = [f"failed in {stage}: {row.failure_title}"]
    lines += [f"cause  {row.failure_cause}"] if row.failure_cause else []
    lines += [f"fix    {row.failure_fix}"] if row.failure_fix else []
    lines += ["", *row.failure_detail.splitlines()[-12:]] if row.failure_detail else []
    return [*lines, "", "t retry   k skip   the finished stages stay as they are"]


def gate_lines(snapshot: BatchSnapshot) -> list[str]:
    """The gate: what happened, what comes next, since when it waits, and the keys."""
    gate = snapshot.gate
    if gate is None:
        return []
    wave = snapshot.waves[gate.index]
    waited = format_duration(max(0.0, (snapshot.at - gate.since).total_seconds()))
    following = snapshot.waves[gate.index + 1] if gate.index + 1 < len(snapshot.waves) else None
    lines = [
        f"GATE after wave {wave.name}: waiting for an operator for {waited}",
        f"{wave.complete} of {wave.total} complete, {wave.failed} failed. {gate.reason}",
    ]
    if following is not None:
        pause = "" if following.policy is PausePolicy.CONTINUE else f", then {following.policy.value}"
        lines.append(f"next: wave {following.name} with {following.total} VMs{pause}")
    if gate.held_by:
        lines.append(f"held by {gate.held_by}")
    return [*lines, "c approve   C approve and retry failed   h hold   X abort"]
