"""adapt_guest and ensure_uefi: a Linux guest is made to boot by UEFI with virtio, on overlays."""

from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.guest_work import (
    converted,
    fresh_overlays,
    nic_plans,
    overlay_paths,
    say,
    source_places,
    with_manifest,
)


def adapt_guest(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage. It begins on fresh overlays, so a failed or killed adaptation leaves no trace.

    What virt-v2v leaves wrong for the target (its /dev/vda above all) is put right after it.
    """
    artifacts = fresh_overlays(stage, context)
    context.checkpoint(artifacts)
    if stage.planned.by_virt_v2v:
        artifacts = converted(stage, context, artifacts)
    work = context.ports.guests.adapt_linux(
        overlay_paths(artifacts),
        nic_plans(stage.planned),
        places=source_places(stage.planned),
        initramfs=stage.planned.initramfs,
        scratch=stage.work_dir,
        on_step=lambda step: say(context, step),
        cancelled=context.cancelled,
    )
    return with_manifest(stage, artifacts, "adapt_guest", work)


def ensure_uefi(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage; a repeated run finds the ESP and the loader and changes nothing."""
    work = context.ports.guests.ensure_uefi(
        overlay_paths(stage.artifacts),
        nic_plans(stage.planned),
        places=source_places(stage.planned),
        scratch=stage.work_dir,
        on_step=lambda step: say(context, step),
        cancelled=context.cancelled,
    )
    return with_manifest(stage, stage.artifacts, "ensure_uefi", work)
