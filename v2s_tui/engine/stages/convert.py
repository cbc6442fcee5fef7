"""convert: the base is checked, its target size decided, an overlay laid on it for the guest's changes."""

from dataclasses import replace
from pathlib import Path

from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts, FileEvidence
from v2s_tui.domain.target.volume_size import target_size_bytes
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.local_files import what_is_wrong
from v2s_tui.engine.stages.naming import disk_part


def convert_disks(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage. Its work is small, so a repeated run simply makes the overlays again."""
    artifacts = stage.artifacts
    for disk in artifacts.disks:
        context.pause(0)
        context.progress.activity = f"disk {disk.index + 1} of {len(artifacts.disks)}"
        artifacts = artifacts.with_disk(_convert(stage, context, disk))
    context.checkpoint(artifacts)
    return artifacts


def _convert(stage: StageInput, context: StageContext, disk: DiskArtifacts) -> DiskArtifacts:
    if disk.base is None:
        raise ToolError(
            f"disk {disk.index} has no base image", command="", exit_code=None, stderr_tail="",
            hint="run the export again",
        )  # fmt: skip
    base = Path(disk.base.path)
    tool = context.ports.disks.check(base)
    size_bytes = target_size_bytes(disk.capacity_bytes, boot=disk.index == 0, adapted=stage.planned.adapt)
    made = new_overlay(stage, context, disk, size_bytes)
    # Of a disk that passed through nothing changes any more, and its object is all that there is of it.
    same_object = disk.passing and size_bytes == disk.virtual_size_bytes
    return replace(
        disk,
        base=replace(disk.base, tool=tool),
        overlay=made,
        upload_file=None,
        object_bytes=disk.object_bytes if same_object else 0,
        virtual_size_bytes=size_bytes,
    )


def new_overlay(
    stage: StageInput, context: StageContext, disk: DiskArtifacts, size_bytes: int
) -> FileEvidence:
    """A fresh overlay on the disk's immutable base; what an earlier one held is forgotten."""
    base = Path(disk.base.path) if disk.base else Path()
    overlay = stage.work_dir / f"{disk_part(disk.index)}.overlay.qcow2"
    overlay.unlink(missing_ok=True)
    return context.ports.disks.make_overlay(base, overlay, virtual_size_bytes=size_bytes)


def convert_holds(stage: StageInput, ports: Ports) -> StageEvidence:
    """Every overlay is here. Its size may have grown: guest stages write to it."""
    del ports
    missing = []
    for disk in stage.artifacts.disks:
        if disk.overlay is None or not Path(disk.overlay.path).is_file():
            missing.append(f"the overlay of disk {disk.index} is missing")
        missing += what_is_wrong(disk.base and replace(disk.base, sha256=""), f"base of disk {disk.index}")
    return StageEvidence(holds=not missing, missing=tuple(missing))
