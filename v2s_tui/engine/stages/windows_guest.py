"""clean_tools, inject_virtio, fix_bootloader: a UEFI Windows gets what Scaleway's hardware needs.

None of it can be proven without Windows itself; the report says so (reference: guest.md section 7).
"""

from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.guest_work import (
    converted,
    fresh_overlays,
    nic_plans,
    overlay_paths,
    with_manifest,
)


def clean_tools(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage. It begins on fresh overlays, so a failed or killed adaptation leaves no trace.

    virt-v2v comes after, since a Windows that must not be changed is refused before.
    """
    artifacts = fresh_overlays(stage, context)
    context.checkpoint(artifacts)
    context.progress.activity = "disabling VMware's services"
    work = context.ports.guests.clean_tools(overlay_paths(artifacts), cancelled=context.cancelled)
    artifacts = with_manifest(stage, artifacts, "clean_tools", work)
    return converted(stage, context, artifacts) if stage.planned.by_virt_v2v else artifacts


def inject_virtio(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage."""
    context.progress.activity = "registering virtio drivers"
    work = context.ports.guests.inject_virtio(
        overlay_paths(stage.artifacts), nic_plans(stage.planned), cancelled=context.cancelled
    )
    return with_manifest(stage, stage.artifacts, "inject_virtio", work)


def fix_bootloader(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage."""
    context.progress.activity = "putting the boot manager where fresh firmware looks"
    work = context.ports.guests.fix_bootloader(overlay_paths(stage.artifacts), scratch=stage.work_dir)
    return with_manifest(stage, stage.artifacts, "fix_bootloader", work)
