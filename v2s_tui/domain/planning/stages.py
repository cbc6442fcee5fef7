"""The stages of a migration: names, order, what each needs and how its status reads.

Names and order are the specification's (reference: seed-system.md A7). A stage that is not built does not
exist here: there are no pass-through stages.
"""

from enum import StrEnum

from v2s_tui.domain.planning.limits import Limit


class Stage(StrEnum):
    """Stage names as they appear in state, reports and commands."""

    VALIDATE = "validate"
    SHUTDOWN_SOURCE = "shutdown_source"
    SNAPSHOT = "snapshot"
    EXPORT = "export"
    CONVERT = "convert"
    ADAPT_GUEST = "adapt_guest"
    CLEAN_TOOLS = "clean_tools"
    INJECT_VIRTIO = "inject_virtio"
    FIX_BOOTLOADER = "fix_bootloader"
    ENSURE_UEFI = "ensure_uefi"
    REHEARSE_BOOT = "rehearse_boot"
    UPLOAD_S3 = "upload_s3"
    IMPORT_SCW = "import_scw"
    CREATE_INSTANCE = "create_instance"
    VERIFY = "verify"
    CLEANUP = "cleanup"


class JobStatus(StrEnum):
    """Where a VM stands. Terminal: COMPLETE, FAILED, SKIPPED, CANCELLED."""

    PENDING = "pending"
    VALIDATING = "validating"
    STOPPING = "stopping"
    EXPORTING = "exporting"
    CONVERTING = "converting"
    ADAPTING = "adapting"
    REHEARSING = "rehearsing"
    UPLOADING = "uploading"
    IMPORTING = "importing"
    CREATING = "creating"
    VERIFYING = "verifying"
    CLEANING = "cleaning"
    COMPLETE = "complete"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """True when nothing more happens to the VM without an operator."""
        return self in {JobStatus.COMPLETE, JobStatus.FAILED, JobStatus.SKIPPED, JobStatus.CANCELLED}


STATUS_OF_STAGE: dict[Stage, JobStatus] = {
    Stage.VALIDATE: JobStatus.VALIDATING,
    Stage.SHUTDOWN_SOURCE: JobStatus.STOPPING,
    Stage.SNAPSHOT: JobStatus.EXPORTING,
    Stage.EXPORT: JobStatus.EXPORTING,
    Stage.CONVERT: JobStatus.CONVERTING,
    Stage.ADAPT_GUEST: JobStatus.ADAPTING,
    Stage.CLEAN_TOOLS: JobStatus.ADAPTING,
    Stage.INJECT_VIRTIO: JobStatus.ADAPTING,
    Stage.FIX_BOOTLOADER: JobStatus.ADAPTING,
    Stage.ENSURE_UEFI: JobStatus.ADAPTING,
    Stage.REHEARSE_BOOT: JobStatus.REHEARSING,
    Stage.UPLOAD_S3: JobStatus.UPLOADING,
    Stage.IMPORT_SCW: JobStatus.IMPORTING,
    Stage.CREATE_INSTANCE: JobStatus.CREATING,
    Stage.VERIFY: JobStatus.VERIFYING,
    Stage.CLEANUP: JobStatus.CLEANING,
}

LIMITS_OF_STAGE: dict[Stage, frozenset[Limit]] = {
    Stage.VALIDATE: frozenset(),
    Stage.SHUTDOWN_SOURCE: frozenset(),
    Stage.SNAPSHOT: frozenset({Limit.PER_ESXI_HOST}),
    Stage.EXPORT: frozenset({Limit.PER_ESXI_HOST}),
    Stage.CONVERT: frozenset({Limit.DISK_IO}),
    Stage.ADAPT_GUEST: frozenset({Limit.DISK_IO}),
    Stage.CLEAN_TOOLS: frozenset({Limit.DISK_IO}),
    Stage.INJECT_VIRTIO: frozenset({Limit.DISK_IO}),
    Stage.FIX_BOOTLOADER: frozenset({Limit.DISK_IO}),
    Stage.ENSURE_UEFI: frozenset({Limit.DISK_IO}),
    Stage.REHEARSE_BOOT: frozenset({Limit.DISK_IO}),
    Stage.UPLOAD_S3: frozenset({Limit.S3_UPLOAD}),
    Stage.IMPORT_SCW: frozenset({Limit.SCW_API}),
    Stage.CREATE_INSTANCE: frozenset({Limit.SCW_API}),
    Stage.VERIFY: frozenset({Limit.SCW_API}),
    Stage.CLEANUP: frozenset(),
}


def limits_of_stage(stage: Stage, *, overlap: bool = False) -> frozenset[Limit]:
    """What a stage holds while it works. overlap: the export sends what it receives."""
    limits = LIMITS_OF_STAGE.get(stage, frozenset())
    return limits | {Limit.S3_UPLOAD} if overlap and stage is Stage.EXPORT else limits


_ORDER = tuple(Stage)


def stage_order(stage: Stage) -> int:
    """Position of a stage, 0 first; the scheduler lets later stages go first."""
    return _ORDER.index(stage)


LINUX_GUEST_STAGES = frozenset({Stage.ADAPT_GUEST, Stage.ENSURE_UEFI})
WINDOWS_GUEST_STAGES = frozenset({Stage.CLEAN_TOOLS, Stage.INJECT_VIRTIO, Stage.FIX_BOOTLOADER})
"""A Windows that boots by BIOS is refused before it comes here, so its ESP needs no stage of its own."""


def stages_for(
    *,
    skip_validation: bool = False,
    create_instance: bool = True,
    cold: bool = False,
    adapt: bool = False,
    windows: bool = False,
    rehearse: bool = False,
) -> tuple[Stage, ...]:
    """The stages a VM runs, in order.

    cold: the source is shut down before it is copied. adapt: the guest is made to boot at Scaleway, as
    Windows or as Linux. rehearse: it is booted here before it is sent.
    """
    left_out = set() if cold else {Stage.SHUTDOWN_SOURCE}
    if not adapt or windows:
        left_out |= LINUX_GUEST_STAGES
    if not adapt or not windows:
        left_out |= WINDOWS_GUEST_STAGES
    if not rehearse:
        left_out |= {Stage.REHEARSE_BOOT}
    if skip_validation:
        left_out |= {Stage.VALIDATE}
    if not create_instance:
        left_out |= {Stage.CREATE_INSTANCE}
    return tuple(stage for stage in _ORDER if stage not in left_out)
