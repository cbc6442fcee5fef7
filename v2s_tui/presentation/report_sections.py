"""A batch report as sections of plain cells: what Markdown and HTML both render."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.domain.report import BatchReport
from v2s_tui.domain.report_lines import VmLine
from v2s_tui.domain.units import format_bytes, format_duration, format_eur, format_rate

_ERROR_WIDTH = 80
"""The specification cuts an error in the table there; the whole text follows below it."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report: a heading, paragraphs, and a table when columns is not empty. code: a block shown
    as it is, after the table.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    code: str = ""


def report_title(report: BatchReport) -> str:
    """The heading of the whole."""
    return f"Migration report: batch {report.batch_id}"


def report_sections(report: BatchReport) -> tuple[Section, ...]:
    """All sections that have something to say, in reading order."""
    sections = (
        _head(report),
        _summary(report),
        _successful(report),
        _failed(report),
        _unfinished(report),
        _stages(report),
        _waves(report),
        _approvals(report),
        _retries(report),
        _overridden(report),
        _guests(report),
        _disks(report),
        _notes(report),
        _leftovers(report),
        _resume(report),
    )
    return tuple(section for section in sections if section.paragraphs or section.rows or section.code)


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z") if moment else "-"


def _head(report: BatchReport) -> Section:
    return Section(
        "Batch",
        (
            f"Date: {_time(report.started_at)}",
            f"Duration: {format_duration(report.seconds)}",
            f"Status: {report.status.value}",
            f"Plan: {report.plan_path}",
        ),
    )


def _summary(report: BatchReport) -> Section:
    counts = [
        ("Total", str(len(report.vms))),
        ("Succeeded", str(len(report.with_status(JobStatus.COMPLETE)))),
        ("Failed", str(len(report.with_status(JobStatus.FAILED)))),
        ("Skipped", str(len(report.with_status(JobStatus.SKIPPED)))),
        ("Cancelled", str(len(report.with_status(JobStatus.CANCELLED)))),
        ("Duration", format_duration(report.seconds)),
        ("Moved", format_bytes(report.moved_bytes)),
    ]
    if report.forecast_seconds is not None:
        counts.append(("Forecast", format_duration(report.forecast_seconds)))
    if report.monthly_eur is not None:
        counts.append(("Cost per month", format_eur(report.monthly_eur)))
    return Section("Summary", columns=("", "Value"), rows=tuple(counts))


def _successful(report: BatchReport) -> Section:
    return Section(
        "Successful migrations",
        columns=("VM", "Type", "OS", "Duration", "Image", "Instance", "Address", "Boot", "Per month"),
        rows=tuple(
            (
                line.name,
                line.target_type,
                line.os_family,
                format_duration(line.seconds),
                line.image_id or "-",
                line.server_id or "-",
                line.public_ip or "-",
                f"{line.boot} ({line.boot_level})" if line.boot_level else line.boot,
                format_eur(line.monthly_eur) if line.monthly_eur is not None else "-",
            )
            for line in report.with_status(JobStatus.COMPLETE)
        ),
    )


def _failed(report: BatchReport) -> Section:
    failed = report.with_status(JobStatus.FAILED)
    return Section(
        "Failed migrations",
        tuple(f"{line.name}: {line.error}. Cause: {line.cause} Fix: {line.fix}" for line in failed),
        columns=("VM", "Stage", "Error"),
        rows=tuple((line.name, line.stage or "-", line.error[:_ERROR_WIDTH]) for line in failed),
        code="\n\n".join(f"{line.name}:\n{line.detail}" for line in failed if line.detail),
    )


def _unfinished(report: BatchReport) -> Section:
    ended = (JobStatus.COMPLETE, JobStatus.FAILED)
    lines = [line for line in report.vms if line.status not in ended]
    return Section("Not migrated", columns=("VM", "Wave", "Status", "Note"), rows=tuple(map(_rest, lines)))


def _rest(line: VmLine) -> tuple[str, ...]:
    return (line.name, line.wave, line.status.value, line.note or "-")


def _stages(report: BatchReport) -> Section:
    return Section(
        "Stage timing",
        columns=("Stage", "VMs", "Avg", "Min", "Max", "Forecast", "Moved", "Rate"),
        rows=tuple(
            (
                line.stage.value,
                str(line.count),
                format_duration(line.mean_seconds),
                format_duration(line.min_seconds),
                format_duration(line.max_seconds),
                format_duration(line.forecast_seconds) if line.forecast_seconds is not None else "-",
                format_bytes(line.moved_bytes) if line.moved_bytes else "-",
                format_rate(line.rate_bytes) if line.rate_bytes else "-",
            )
            for line in sorted(report.stages, key=lambda line: line.stage.value)
        ),
    )


def _waves(report: BatchReport) -> Section:
    return Section(
        "Waves",
        columns=("Wave", "VMs", "After it", "Status", "Started", "Ended", "Note"),
        rows=tuple(
            (
                wave.name,
                str(len(wave.vm_names)),
                wave.policy.value,
                wave.status.value,
                _time(wave.started_at),
                _time(wave.ended_at),
                wave.note or "-",
            )
            for wave in report.waves
        ),
    )


def _approvals(report: BatchReport) -> Section:
    return Section(
        "Decisions at gates",
        columns=("Wave", "Decision", "Who", "From", "When"),
        rows=tuple(
            (each.wave, each.decision.value, each.who, each.origin, _time(each.at))
            for each in report.approvals
        ),
    )


def _retries(report: BatchReport) -> Section:
    return Section(
        "Retries",
        columns=("When", "VM", "Stage", "Why", "By"),
        rows=tuple(
            (_time(each.at), each.vm, each.stage or "-", each.title or "-", each.who or "v2s")
            for each in report.retries
        ),
    )


def _overridden(report: BatchReport) -> Section:
    return Section("Findings overridden", columns=("Finding",), rows=_single(report.overridden))


def _single(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((text,) for text in texts)


def _guests(report: BatchReport) -> Section:
    return Section(
        "Guests",
        tuple(
            f"{line.vm}: {warning}"
            for line in report.guests
            if line.changes
            for warning in line.changes.warnings
        ),
        columns=("VM", "Files changed", "Warnings", "Rehearsal", "Boot", "Manifest"),
        rows=tuple(
            (
                line.vm,
                str(len(line.changes.paths)) if line.changes else "-",
                str(len(line.changes.warnings)) if line.changes else "-",
                line.rehearsal or "none",
                line.boot,
                line.manifest or "-",
            )
            for line in report.guests
        ),
    )


def _notes(report: BatchReport) -> Section:
    rows = tuple((line.vm, line.what, "; ".join(line.text.splitlines())) for line in report.notes)
    return Section("Notes", columns=("VM", "About", "Note"), rows=rows)


def _disks(report: BatchReport) -> Section:
    return Section(
        "Artifacts",
        columns=(
            "VM",
            "Disk",
            "Size",
            "Image bytes",
            "Stream SHA-1",
            "Object",
            "Object ETag",
            "Snapshot",
            "Volume",
            "Digests",
            "Made by",
        ),
        rows=tuple(
            (
                line.vm,
                str(line.index),
                format_bytes(line.capacity_bytes),
                str(line.file_bytes),
                line.stream_sha1 or "-",
                line.object_key or "-",
                line.object_etag or "-",
                line.snapshot_id or "-",
                line.volume_id or "-",
                line.manifest or "-",
                line.tool or "-",
            )
            for line in report.disks
        ),
    )


def _leftovers(report: BatchReport) -> Section:
    return Section(
        "Left outside",
        ("`v2s leftovers` prices these; `v2s batch undo` removes what an unfinished VM made.",)
        if report.leftovers
        else (),
        columns=("VM", "Kind", "Where", "Id or tag", "State"),
        rows=tuple(
            (each.owner, each.kind.value, each.where, each.resource_id or each.tag, each.state.value)
            for each in report.leftovers
        ),
    )


def _resume(report: BatchReport) -> Section:
    return Section("Going on", code=report.resume_command)
