"""plan.yaml as data: what the operator asks for (reference: seed-system.md A4).

Unknown keys are refused, keys beginning with `x-` are the operator's own and are kept. Reading and writing
the YAML, with line numbers in errors, is adapters/formats/plan_yaml.py.
"""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan_options import NewNetwork, VmOptions
from v2s_tui.domain.planning.plan_part import PlanPart, Tags

__all__ = [
    "BatchPlan", "Exclusion", "Migration", "PausePolicy", "PlanDefaults", "PlanMetadata", "PlanPart",
    "PostMigration", "SizingStrategy", "Tags", "WaveSpec",
]  # fmt: skip


class SizingStrategy(StrEnum):
    """How a target type is chosen (seed-system.md A5)."""

    EXACT = "exact"
    OPTIMIZE = "optimize"
    COST = "cost"
    RIGHTSIZE = "rightsize"


class PausePolicy(StrEnum):
    """What happens when a wave has ended."""

    PAUSE = "pause"
    PAUSE_ON_FAILURE = "pause_on_failure"
    CONTINUE = "continue"


class PlanMetadata(PlanPart):
    """What the generator knew when it wrote the plan; for people. Nothing is computed from it."""

    generated_at: str = ""
    vcenter: str = ""
    total_vms: int | None = None
    linux_vms: int | None = None
    windows_vms: int | None = None
    total_disk_gb: float | None = None


class PlanDefaults(VmOptions):
    """Applied to every migration that lacks the key."""

    zone: str = "fr-par-1"
    sizing_strategy: SizingStrategy = SizingStrategy.OPTIMIZE
    tags: Tags = ()
    skip_validation: bool = False
    network_mapping: dict[str, str] = Field(default_factory=dict)


class Migration(VmOptions):
    """One line of work: a VM by name or path, or all VMs of a glob. None means "as in defaults"."""

    vm_name: str | None = None
    vm_pattern: str | None = None
    target_type: str | None = None
    zone: str | None = None
    sizing_strategy: SizingStrategy | None = None
    priority: int = Field(5, ge=1, le=1000)
    wave: str | None = None
    skip_validation: bool | None = None
    tags: Tags | None = None
    network_mapping: dict[str, str] | None = None
    notes: str = ""

    @model_validator(mode="after")
    def _one_selector(self) -> "Migration":
        if (self.vm_name is None) == (self.vm_pattern is None):
            raise ValueError("give exactly one of vm_name and vm_pattern")
        return self

    @property
    def selector(self) -> str:
        """The name, path or glob as written."""
        return self.vm_name or self.vm_pattern or ""


class Exclusion(PlanPart):
    """VMs never to migrate: by name or path, glob, regular expression or filter."""

    vm_name: str | None = None
    vm_pattern: str | None = None
    regex: str | None = None
    filter: str | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _one_selector(self) -> "Exclusion":
        if sum(each is not None for each in (self.vm_name, self.vm_pattern, self.regex, self.filter)) != 1:
            raise ValueError("give exactly one of vm_name, vm_pattern, regex and filter")
        return self


class WaveSpec(PlanPart):
    """A group that goes together. vms: globs on VM names or paths.

    not_before, not_after: the window in which VMs of the wave may start (ISO 8601 with an offset); what has
    started is finished.
    """

    name: str = Field(min_length=1)
    vms: Tags = ()
    pause_after: PausePolicy = PausePolicy.CONTINUE
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _window_is_open(self) -> "WaveSpec":
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise ValueError("not_after must be later than not_before")
        return self


class PostMigration(PlanPart):
    """What happens at the source and with transit data when a VM is complete."""

    tag_source: str | None = None
    power_off_source: bool = False
    delete_vmware_snapshot: bool = True
    delete_s3_transit: bool = True


class BatchPlan(PlanPart):
    """A whole plan file. not_together: groups of globs; of the VMs of one group only one moves at a time.

    private_networks: those to be made; others are only named.
    """

    version: Literal[1] = 1
    metadata: PlanMetadata = Field(default_factory=PlanMetadata)
    defaults: PlanDefaults = Field(default_factory=PlanDefaults)
    concurrency: Limits = Field(default_factory=Limits)
    migrations: tuple[Migration, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    waves: tuple[WaveSpec, ...] = ()
    not_together: tuple[tuple[str, ...], ...] = ()
    private_networks: tuple[NewNetwork, ...] = ()
    post_migration: PostMigration = Field(default_factory=PostMigration)

    @model_validator(mode="after")
    def _distinct_names(self) -> "BatchPlan":
        names = [wave.name for wave in self.waves]
        if len(set(names)) != len(names):
            raise ValueError("two waves have the same name")
        networks = [network.name for network in self.private_networks]
        if len(set(networks)) != len(networks):
            raise ValueError("two private_networks have the same name")
        unknown = {each.wave for each in self.migrations if each.wave} - set(names)
        if unknown:
            raise ValueError(f"a migration names a wave that is not declared: {', '.join(sorted(unknown))}")
        return self
