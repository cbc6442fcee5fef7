"""Names and tags of everything one migration makes outside, so that a second run finds what a first one made.

Each resource carries the migration's tag (find all of one VM) and a tag of its own part (find exactly this
one); the ledger's effects hold the latter.
"""

from dataclasses import dataclass

from v2s_tui.domain.execution.ledger import migration_tag, plain_name, resource_name
from v2s_tui.engine.stage_contract import StageInput


@dataclass(frozen=True, slots=True)
class MigrationNames:
    """Of one VM in one batch. part: `disk-0`, `server`, `image`, `ip`, `nic-0`."""

    batch_id: str
    migration_id: str
    vm_name: str
    plan_tags: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """On everything of this migration."""
        return migration_tag(self.batch_id, self.migration_id)

    def part_tag(self, part: str) -> str:
        """On this part alone."""
        return f"{self.tag}:{part}"

    def tags(self, part: str) -> tuple[str, ...]:
        """All tags of a part: its own, the migration's, then those of the plan."""
        return (self.tag, self.part_tag(part), *self.plan_tags)

    @staticmethod
    def origin_tag(made_of: str) -> str:
        """What a part was made of: an object's ETag, a snapshot's id."""
        return f"v2s-from:{made_of}"

    def resource(self, part: str) -> str:
        """Name of a part that is not the product itself (snapshot, volume)."""
        return resource_name(self.vm_name, self.migration_id, part)

    @property
    def instance(self) -> str:
        """The Instance is called like the VM."""
        return plain_name(self.vm_name)

    @property
    def image(self) -> str:
        """As the specification names it (seed-system.md A7)."""
        return plain_name(f"migrated-{self.vm_name}")

    @property
    def vmware_snapshot(self) -> str:
        """Our snapshot at the source."""
        return f"v2s-{self.migration_id}"

    def object_key(self, disk_index: int) -> str:
        """Where a disk lies in the transit bucket."""
        return f"migrations/{self.migration_id}/{disk_part(disk_index)}.qcow2"


def disk_part(disk_index: int) -> str:
    """`disk-0` is the boot disk."""
    return f"disk-{disk_index}"


def names_of(stage: StageInput) -> MigrationNames:
    """The names of this VM's migration."""
    return MigrationNames(
        stage.batch_id, stage.artifacts.migration_id, stage.planned.vm.name, stage.planned.tags
    )
