"""How a running VM, a wave and a limit read: the Run screen, `batch status` and the headless run's lines."""

from v2s_tui.domain.execution.snapshot import BatchSnapshot, LimitRow, VmRow, WaveRow
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.domain.units import format_bytes, format_duration, format_rate
from v2s_tui.presentation.columns import Column

STALL_SECONDS = 30.0
"""Without progress for that long a stage is shown as stalled."""
_WORDS = {JobStatus.COMPLETE: "ok", JobStatus.FAILED: "FAIL", JobStatus.PENDING: "wait"}
_TRACK = {
    Stage.VALIDATE: "V",
    Stage.SHUTDOWN_SOURCE: "O",
    Stage.SNAPSHOT: "S",
    Stage.EXPORT: "E",
    Stage.CONVERT: "C",
    Stage.ADAPT_GUEST: "A",
    Stage.CLEAN_TOOLS: "T",
    Stage.INJECT_VIRTIO: "D",
    Stage.FIX_BOOTLOADER: "B",
    Stage.ENSURE_UEFI: "F",
    Stage.REHEARSE_BOOT: "R",
    Stage.UPLOAD_S3: "U",
    Stage.IMPORT_SCW: "I",
    Stage.CREATE_INSTANCE: "N",
    Stage.VERIFY: "Y",
    Stage.CLEANUP: "L",
}


def status_word(row: VmRow) -> str:
    """`ok`, `FAIL`, `wait`, `held` or the stage's own word: state without colour."""
    if row.quarantine:
        return "held"
    return _WORDS.get(row.status, row.status.value)


def stage_letter(stage: Stage) -> str:
    """One capital letter for each stage."""
    return _TRACK.get(stage, stage.value[0].upper())


def stage_track(row: VmRow) -> str:
    """`VSEc....`: one letter a stage; a capital is done, small runs, `!` failed, a dot is to come."""
    track = []
    for stage in row.stages:
        letter = stage_letter(stage)
        if stage in row.completed:
            track.append(letter)
        elif stage is row.stage and row.status is JobStatus.FAILED:
            track.append("!")
        elif stage is row.stage:
            track.append(letter.lower())
        else:
            track.append(".")
    return "".join(track)


def bytes_text(row: VmRow) -> str:
    """`310 MiB/1.2 GiB`, or what is known of it."""
    if row.total_bytes:
        return f"{format_bytes(row.done_bytes)}/{format_bytes(row.total_bytes)}"
    return format_bytes(row.done_bytes) if row.done_bytes else ""


def eta_text(row: VmRow) -> str:
    """Of the running stage; `STALL 40s` when nothing moved."""
    if row.stalled_seconds >= STALL_SECONDS:
        return f"STALL {format_duration(row.stalled_seconds)}"
    return format_duration(row.eta_seconds) if row.eta_seconds is not None else ""


def why_waiting(row: VmRow) -> str:
    """What it waits for and who is before it, what it polls, what went wrong, or what it does."""
    if row.status is JobStatus.FAILED:
        return _reason(row.failure_title)
    if row.quarantine:
        return row.quarantine
    if row.blocked_by is not None:
        if " " in row.blocked_by.limit:
            return row.blocked_by.limit  # a reason in words: a window, a pause, its turn
        held = f" held by {', '.join(row.blocked_by.holders[:3])}" if row.blocked_by.holders else ""
        return f"waits for {row.blocked_by.limit}{held}"
    if row.waits_for or row.activity:
        return row.waits_for or row.activity
    return row.note if row.status is JobStatus.PENDING or row.status.terminal else "begins"


def _reason(title: str) -> str:
    """`Snapshot v2s-1 of vm-9: the disk is locked` without what the row's VM and stage say already."""
    _, _, reason = title.partition(": ")
    return reason or title


RUN_COLUMNS: tuple[Column[VmRow], ...] = (
    Column("name", "VM", 14, lambda row: row.name, most=28),
    Column("status", "Status", 10, status_word),
    Column("track", "Stages", 12, stage_track, lambda row: row.fraction),
    Column("rate", "Rate", 10, lambda row: format_rate(row.rate_bytes) if row.rate_bytes else "",
           lambda row: row.rate_bytes, right=True, important=False),
    Column("eta", "ETA", 9, eta_text, lambda row: row.eta_seconds or 0.0, right=True),
    Column("why", "What it does", 34, why_waiting, grows=True),
    Column("bytes", "Bytes", 19, bytes_text, lambda row: row.done_bytes, right=True, important=False),
    Column("time", "Time", 7, lambda row: format_duration(row.seconds) if row.seconds else "",
           lambda row: row.seconds, right=True, important=False),
    Column("host", "ESXi host", 12, lambda row: row.esxi_host, important=False),
    Column("type", "Type", 18, lambda row: row.target_type, important=False),
)  # fmt: skip


def row_tone(row: VmRow, column: str) -> str:
    """Colour that repeats what the words say."""
    if column not in {"status", "eta", "track"}:
        return ""
    if column == "eta":
        return "warn" if row.stalled_seconds >= STALL_SECONDS else ""
    tones = {JobStatus.COMPLETE: "ok", JobStatus.FAILED: "fail", JobStatus.PENDING: "dim"}
    return tones.get(row.status, "dim" if row.status.terminal else "busy")


def wave_text(wave: WaveRow) -> str:
    """`canary 2/3 1 failed running`."""
    failed = f" {wave.failed} failed" if wave.failed else ""
    return f"{wave.name} {wave.complete}/{wave.total}{failed} {wave.status.value}"


def limit_text(limit: LimitRow) -> str:
    """`disk_io 3/3 +2`: in use of capacity, and how many wait."""
    waiting = f" +{limit.waiting}" if limit.waiting else ""
    return f"{limit.name} {limit.in_use}/{limit.capacity}{waiting}" + (" paused" if limit.paused else "")


def waves_text(snapshot: BatchSnapshot, width: int) -> str:
    """All waves where they fit into width; else the current one, its place, and those to come."""
    full = " > ".join(wave_text(wave) for wave in snapshot.waves)
    if len(full) <= width or not snapshot.waves:
        return full
    index = min(snapshot.current_wave, len(snapshot.waves) - 1)
    head = f"wave {index + 1} of {len(snapshot.waves)}: {wave_text(snapshot.waves[index])}"
    coming = ", ".join(f"{wave.name} {wave.total}" for wave in snapshot.waves[index + 1 :])
    return f"{head} > then {coming}" if coming else head


def batch_line(snapshot: BatchSnapshot) -> str:
    """One line that sums the batch up: ETA, counts, what stalls, rate."""
    counts = snapshot.counters
    stalled = sum(row.stalled_seconds >= STALL_SECONDS for row in snapshot.vms)
    parts = [f"{counts.complete}/{counts.total} complete"]
    if snapshot.eta_seconds is not None and snapshot.gate is None:
        parts.append(f"ETA {format_duration(snapshot.eta_seconds)}")
    parts += [f"{counts.failed} FAILED"] if counts.failed else []
    parts += [f"{stalled} STALLED"] if stalled else []
    parts += [f"{counts.active} running"] if counts.active else []
    parts += [f"{counts.pending} waiting"] if counts.pending else []
    parts += [format_rate(counts.rate_bytes)] if counts.rate_bytes else []
    parts += [f"{format_bytes(counts.moved_bytes)} moved"] if counts.moved_bytes else []
    parts += [_against_forecast(snapshot)] if snapshot.started_at and snapshot.forecast_seconds else []
    return "  ".join(parts)


def _against_forecast(snapshot: BatchSnapshot) -> str:
    """`12m04s of 22m10s forecast`, gates included in what passed and not in the forecast."""
    begin, end = snapshot.started_at or snapshot.at, snapshot.completed_at or snapshot.at
    passed = format_duration((end - begin).total_seconds())
    return f"{passed} of {format_duration(snapshot.forecast_seconds or 0.0)} forecast"


def idle_line(snapshot: BatchSnapshot) -> str:
    """What a batch waits for while none of its VMs runs: its gate, a pause, a window, space; "" when one
    runs or nothing is left to run.
    """
    if snapshot.counters.active:
        return ""
    if snapshot.gate is not None:
        wave = snapshot.waves[snapshot.gate.index].name
        return f"waiting for an operator at the gate after wave {wave}: {snapshot.gate.reason}"
    waiting = [row for row in snapshot.vms if row.blocked_by is not None]
    more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
    return f"{waiting[0].name}: {why_waiting(waiting[0])}{more}" if waiting else ""
