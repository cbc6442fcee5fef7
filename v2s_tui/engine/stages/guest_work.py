"""What the guest stages share: the overlays they work on, the NIC plan, the manifest of changes."""

from dataclasses import asdict, replace
from pathlib import Path

import orjson

from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.guest.network import FIRST_TARGET_NAME, NicMode, NicPlan
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.ports import GuestWork
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.convert import new_overlay

EVIDENCE_FOLDER = "evidence"


def overlay_paths(artifacts: Artifacts) -> list[Path]:
    """Overlays of all disks, boot disk first. Raises ToolError when convert left none."""
    paths = [Path(disk.overlay.path) for disk in artifacts.disks if disk.overlay]
    if len(paths) != len(artifacts.disks) or not paths:
        raise ToolError(
            "a disk has no overlay", command="", exit_code=None, stderr_tail="", hint="retry from convert"
        )
    return paths


def fresh_overlays(stage: StageInput, context: StageContext) -> Artifacts:
    """Artifacts with new overlays: what an interrupted or failed adaptation wrote is thrown away."""
    artifacts = stage.artifacts
    for disk in artifacts.disks:
        made = new_overlay(stage, context, disk, disk.virtual_size_bytes)
        artifacts = artifacts.with_disk(replace(disk, overlay=made, upload_file=None, object_bytes=0))
    return artifacts


def say(context: StageContext, step: str) -> None:
    """Show a step of the work on the guest."""
    context.progress.activity = step


def converted(stage: StageInput, context: StageContext, artifacts: Artifacts) -> Artifacts:
    """The guest after virt-v2v; the report says that it was there, since it lists no changes."""
    work = context.ports.guests.run_virt_v2v(
        overlay_paths(artifacts),
        scratch=stage.work_dir,
        on_step=lambda step: say(context, step),
        cancelled=context.cancelled,
    )
    return with_manifest(stage, artifacts, "virt-v2v", work)


def nic_plans(planned: PlannedVm) -> tuple[NicPlan, ...]:
    """The plan's NICs as the guest should know them.

    The first is the public one, ens2 at Scaleway; private ones come after (reference: scaleway.md E3).
    """
    plans = []
    for number, nic in enumerate(planned.nics):
        name = FIRST_TARGET_NAME if number == 0 else f"ens{4 + number}"
        static = nic.mode is NicMode.STATIC
        plans.append(
            NicPlan(
                mode=nic.mode,
                source_mac=nic.mac_address.lower(),
                target_name=name,
                addresses=nic.addresses if static else (),
                gateway=nic.gateway if static else "",
                nameservers=nic.nameservers if static else (),
            )
        )
    return tuple(plans)


def source_places(planned: PlannedVm) -> tuple[int, ...]:
    """Where the disks that move stand among all of the VM: its third disk is sdc though the second stays."""
    disks = enumerate(planned.vm.disks)
    return tuple(place for place, disk in disks if disk.key not in planned.skipped_disks)


def evidence_folder(stage: StageInput) -> Path:
    """Where what must outlive cleanup is kept for this VM: manifest, serial log, screenshot."""
    folder = stage.work_dir.parent / EVIDENCE_FOLDER / stage.artifacts.migration_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def with_manifest(stage: StageInput, artifacts: Artifacts, name: str, work: GuestWork) -> Artifacts:
    """Keep what a guest stage changed, and its warnings for the report."""
    path = evidence_folder(stage) / "guest-manifest.json"
    kept = orjson.loads(path.read_bytes()) if path.exists() else {}
    kept[name] = {"records": [asdict(each) for each in work.records], "warnings": list(work.warnings)}
    path.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    artifacts = replace(artifacts, guest_manifest=str(path))
    if work.warnings:
        artifacts = artifacts.with_note(name, "; ".join(work.warnings))
    return artifacts if work.proven else artifacts.with_note("boot", "unproven")
