"""Every effect v2s has outside this host, recorded before it is made (intent) and after (result).

Resume adopts what an interrupted run began, undo removes it in dependency order, `v2s leftovers` prices it.
The idempotency tag carries batch and VM, so that an effect whose result was never recorded can be found
again.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class EffectKind(StrEnum):
    """What was made, in the order in which undo removes it (first listed, first removed)."""

    INSTANCE = "instance"
    PRIVATE_NIC = "private_nic"
    ADDRESS = "address"
    PRIVATE_NETWORK = "private_network"
    IP = "ip"
    VOLUME = "volume"
    IMAGE = "image"
    BLOCK_SNAPSHOT = "block_snapshot"
    MULTIPART_UPLOAD = "multipart_upload"
    OBJECT = "object"
    NFC_LEASE = "nfc_lease"
    VMWARE_SNAPSHOT = "vmware_snapshot"
    SOURCE_POWER = "source_power"
    SOURCE_TAG = "source_tag"
    BUCKET = "bucket"


class EffectState(StrEnum):
    """INTENDED: perhaps made, look for its tag. MADE: made, resource_id known. GONE: removed or never
    made.
    """

    INTENDED = "intended"
    MADE = "made"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Effect:
    """One outside effect. id: unique in the batch. vm_name: "" for what the VMs of a batch share. where:
    zone, region, `bucket`, or vCenter name.

    tag: name or tag by which it can be found again. resource_id: "" until made; for a multipart upload the
    upload id, for an object its key, for a VMware snapshot its moref, for source power the state it had
    before; for an NFC lease its id, with who holds it as detail.
    """

    id: str
    kind: EffectKind
    vm_name: str
    tag: str
    where: str
    state: EffectState
    recorded_at: datetime
    resource_id: str = ""
    detail: str = ""

    @property
    def owner(self) -> str:
        """For people: the VM, or the batch."""
        return self.vm_name or "batch"

    def made(self, resource_id: str) -> "Effect":
        """The effect once its result is known."""
        return replace(self, state=EffectState.MADE, resource_id=resource_id)

    def gone(self) -> "Effect":
        """The effect once it is removed (or found never to have happened)."""
        return replace(self, state=EffectState.GONE)


def migration_tag(batch_id: str, migration_id: str) -> str:
    """The tag on everything a migration makes at Scaleway: `v2s:{batch}:{migration}`."""
    return f"v2s:{batch_id}:{migration_id}"


def shared_tag(batch_id: str, kind: EffectKind, name: str) -> str:
    """The tag on what the VMs of a batch share: `v2s:{batch}:{kind}:{name}`."""
    return f"v2s:{batch_id}:{kind.value}:{plain_name(name)}"


def plain_name(vm_name: str) -> str:
    """A VM's name as Scaleway takes it: letters, digits, dots and dashes, 63 at most; other characters become
    dashes.
    """
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in ".-") else "-" for letter in vm_name
    )
    return plain.strip("-.")[:63] or "vm"


def resource_name(vm_name: str, migration_id: str, part: str) -> str:
    """Name of what a migration makes, `v2s-{vm}-{migration}-{part}`: letters, digits, dots and dashes, 63 at
    most.

    vm_name may be a path or hold any character; what is not allowed in a name becomes a dash.
    """
    tail = f"-{migration_id}-{part}"
    return f"v2s-{plain_name(vm_name)[: 63 - 4 - len(tail)]}{tail}"
