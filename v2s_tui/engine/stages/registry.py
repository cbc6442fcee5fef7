"""Which function carries out a stage, and which looks whether its results still hold."""

from collections.abc import Mapping

from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.stage_contract import EvidenceFunction, StageFunction
from v2s_tui.engine.stages.cleanup import clean_up
from v2s_tui.engine.stages.convert import convert_disks, convert_holds
from v2s_tui.engine.stages.create_instance import create_instance, instance_holds
from v2s_tui.engine.stages.export import export_disks, export_holds
from v2s_tui.engine.stages.import_scw import import_disks, import_holds
from v2s_tui.engine.stages.linux_guest import adapt_guest, ensure_uefi
from v2s_tui.engine.stages.rehearse_boot import rehearse_boot
from v2s_tui.engine.stages.shutdown_source import power_back_on, shut_down_source, source_is_off
from v2s_tui.engine.stages.snapshot import snapshot_holds, take_snapshot
from v2s_tui.engine.stages.upload_s3 import upload_disks, upload_holds
from v2s_tui.engine.stages.validate import validate
from v2s_tui.engine.stages.verify import verify
from v2s_tui.engine.stages.windows_guest import clean_tools, fix_bootloader, inject_virtio

STAGES: Mapping[Stage, StageFunction] = {
    Stage.VALIDATE: validate,
    Stage.SHUTDOWN_SOURCE: shut_down_source,
    Stage.SNAPSHOT: take_snapshot,
    Stage.EXPORT: export_disks,
    Stage.CONVERT: convert_disks,
    Stage.ADAPT_GUEST: adapt_guest,
    Stage.CLEAN_TOOLS: clean_tools,
    Stage.INJECT_VIRTIO: inject_virtio,
    Stage.FIX_BOOTLOADER: fix_bootloader,
    Stage.ENSURE_UEFI: ensure_uefi,
    Stage.REHEARSE_BOOT: rehearse_boot,
    Stage.UPLOAD_S3: upload_disks,
    Stage.IMPORT_SCW: import_disks,
    Stage.CREATE_INSTANCE: create_instance,
    Stage.VERIFY: verify,
    Stage.CLEANUP: clean_up,
}

EVIDENCE: Mapping[Stage, EvidenceFunction] = {
    Stage.SHUTDOWN_SOURCE: source_is_off,
    Stage.SNAPSHOT: snapshot_holds,
    Stage.EXPORT: export_holds,
    Stage.CONVERT: convert_holds,
    Stage.UPLOAD_S3: upload_holds,
    Stage.IMPORT_SCW: import_holds,
    Stage.CREATE_INSTANCE: instance_holds,
}
"""Stages that leave something that can be looked at. validate and verify count by their record."""

GIVING_UP: StageFunction = power_back_on
"""Run once when a VM has failed for good or was cancelled, before that is recorded."""
