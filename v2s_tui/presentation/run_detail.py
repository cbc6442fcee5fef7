"""What a VM in a batch does, why it failed, and what a gate asks: lines of text for screens and terminals."""

from dataclasses import dataclass

from v2s_tui.domain.execution.snapshot import BatchSnapshot, VmRow, WaveRow
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.units import counted, format_bytes, format_duration, format_eur, format_rate
from v2s_tui.presentation.charts import bar
from v2s_tui.presentation.run_columns import bytes_text, eta_text, status_word, why_waiting


def vm_lines(row: VmRow) -> list[str]:
    """State, progress, and the stages with the time each took."""
    stage = f" {row.stage.value}" if row.stage else ""
    attempt = f" attempt {row.attempt}" if row.attempt > 1 else ""
    head = f"{row.name}  {status_word(row)}{stage}{attempt}  {why_waiting(row)}".rstrip()
    moving = [bytes_text(row), format_rate(row.rate_bytes) if row.rate_bytes else "", eta_text(row)]
    progress = "  ".join([f"{bar(row.fraction, 24)} {row.fraction:4.0%}", *filter(None, moving)])
    done = "  ".join(f"{name} {format_duration(seconds)}" for name, seconds in row.stage_seconds.items())
    made = "  ".join(
        f"{name} {value}" for name, value in (("image", row.image_id), ("Instance", row.server_id)) if value
    )
    return [line for line in (head, progress, done, made) if line]


def failure_lines(row: VmRow) -> list[str]:
    """What failed, its cause, the fix and the tool's last words; nothing when nothing failed."""
    if not row.failure_title:
        return []
    stage = row.stage.value if row.stage else "?"
    lines = [f"failed in {stage}: {row.failure_title}"]
    lines += [f"cause  {row.failure_cause}"] if row.failure_cause else []
    lines += [f"fix    {row.failure_fix}"] if row.failure_fix else []
    return lines + (["", *row.failure_detail.splitlines()[-12:]] if row.failure_detail else [])


@dataclass(frozen=True, slots=True)
class ComingWave:
    """The wave behind a gate. p50_seconds, p90_seconds: it is through by then in 5 and 9 of 10 cases.

    monthly_eur: what its VMs cost at Scaleway every month. disk_bytes: of its VMs' disks.
    """

    name: str
    vm_names: tuple[str, ...]
    p50_seconds: float
    p90_seconds: float
    monthly_eur: float
    disk_bytes: int


def gate_power_lines(snapshot: BatchSnapshot, *, most_names: int | None = None) -> list[str]:
    """What approving does to the power of sources, as lines of the gate; empty when it touches none.

    most_names: so many are named, the rest counted; None names all.
    """
    ahead = snapshot.power_ahead
    return [f"POWER  {line}" for line in ahead.describe(most_names=most_names)] if ahead else []


def gate_lines(
    snapshot: BatchSnapshot,
    coming: ComingWave | None = None,
    *,
    keys: str = "",
    most_names: int | None = None,
    most_lines: int | None = None,
) -> list[str]:
    """The gate: what happened, why it is closed, what comes next, what that costs and whose power it touches,
    and the keys ("": none). most_lines: where it is longer, failed VMs are counted and not all named.
    """
    gate = snapshot.gate
    if gate is None:
        return []
    wave = snapshot.waves[gate.index]
    waited = format_duration(max(0.0, (snapshot.at - gate.since).total_seconds()))
    begin = [
        f"GATE after wave {wave.name}: waiting for an operator for {waited}",
        f"done   {_outcome(wave)}",
    ]
    end = [
        f"why    {gate.reason}{_opens_by_itself(wave, gate.reason)}",
        *_next_lines(snapshot, gate.index + 1, coming),
        *gate_power_lines(snapshot, most_names=most_names),
        *([f"held   by {gate.held_by}"] if gate.held_by else []),
        *([f"keys   {keys}"] if keys else []),
    ]
    room = None if most_lines is None else max(0, most_lines - len(begin) - len(end))
    return [*begin, *_failed_lines(snapshot, wave, room), *end]


def _failed_lines(snapshot: BatchSnapshot, wave: WaveRow, room: int | None) -> list[str]:
    """The wave's failed VMs; of more than there is room for, the last line counts the rest."""
    lines = [
        f"       {row.name} FAILED: {row.failure_title}"
        for row in snapshot.vms
        if row.wave == wave.name and row.failure_title
    ]
    if room is None or len(lines) <= room:
        return lines
    return [*lines[: room - 1], f"       and {len(lines) - room + 1} more, see the list"] if room else []


def _opens_by_itself(wave: WaveRow, reason: str) -> str:
    """A retry that succeeds starts the next wave: whoever retries at night should know."""
    fails_only = wave.policy is PausePolicy.PAUSE_ON_FAILURE and reason.endswith(" failed")
    return "; it goes on by itself once none has" if fails_only else ""


def _outcome(wave: WaveRow) -> str:
    lasted = (
        f" in {format_duration((wave.ended_at - wave.started_at).total_seconds())}"
        if wave.started_at and wave.ended_at
        else ""
    )
    rest = "".join(
        f", {count} {word}" for count, word in ((wave.skipped, "skipped"), (wave.pending, "waiting")) if count
    )
    return f"{wave.complete} of {wave.total} complete, {wave.failed} failed{rest}{lasted}"


def _next_lines(snapshot: BatchSnapshot, index: int, coming: ComingWave | None) -> list[str]:
    gate = snapshot.gate
    if gate is not None and gate.window:
        return ["next   the VMs that are left start now, outside the window (skip those that must not)"]
    if index >= len(snapshot.waves):
        return ["next   no further wave: approving ends the batch"]
    following = snapshot.waves[index]
    pause = "" if following.policy is PausePolicy.CONTINUE else f", then {following.policy.value}"
    lines = [f"next   wave {following.name}: {counted(following.total, 'VM')}{pause}"]
    if coming is not None and coming.name == following.name:
        most, likely = format_duration(coming.p90_seconds), format_duration(coming.p50_seconds)
        disks, cost = format_bytes(coming.disk_bytes), format_eur(coming.monthly_eur)
        lines.append(f"       about {likely} (P90 {most}), {disks} of disks, {cost} per month more")
    return lines
