"""Evidence that a guest boots: levels from firmware to a clean power-off, and what a rehearsal reports.

Source of the levels: reference guest.md section 8; each has a criterion that does not depend on the guest's
operating system, where one exists.
"""

from dataclasses import dataclass
from enum import IntEnum


class EvidenceLevel(IntEnum):
    """How far a boot came. A level counts only when it was observed; levels below it need not have been.

    NONE: nothing seen. FIRMWARE: UEFI started a boot loader. KERNEL: a kernel spoke on the serial console.
    ROOT_WRITTEN: more than 1 MiB was written to the disks, so the root file system is mounted for writing.
    NETWORK: the virtio NIC's driver is up. USERSPACE: a login prompt, an SSH banner or the guest agent.
    POWER_OFF: the guest switched itself off on the ACPI power button.
    """

    NONE = -1
    FIRMWARE = 0
    KERNEL = 1
    ROOT_WRITTEN = 2
    NETWORK = 3
    USERSPACE = 4
    POWER_OFF = 5

    @property
    def label(self) -> str:
        """As plans and reports write it: `root-written`."""
        return self.name.lower().replace("_", "-")


def evidence_level(text: str) -> EvidenceLevel:
    """Level of a label such as `userspace`; raises ValueError for any other word."""
    for level in EvidenceLevel:
        if level.label == text.strip().lower().replace("_", "-"):
            return level
    raise ValueError(f"{text!r} is no evidence level: {', '.join(level.label for level in EvidenceLevel)}")


@dataclass(frozen=True, slots=True)
class Observation:
    """One level that was observed. after_seconds: since power-on. sign: what was seen, one line."""

    level: EvidenceLevel
    after_seconds: float
    sign: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Result of one rehearsal.

    required: the level asked for. observations: by rising level. failure: why it stopped early ("" it did
    not). serial_tail: last lines of the console without escape sequences. screenshot: path of a PNG (""
    none). acceleration: `kvm` or `tcg`. profile: machine profile. duration_seconds: of the boot that
    counts. boots: how many were begun; all before the last were spoiled by the host's load.
    """

    required: EvidenceLevel
    observations: tuple[Observation, ...]
    failure: str
    serial_tail: str
    screenshot: str
    acceleration: str
    profile: str
    duration_seconds: float
    boots: int = 1

    @property
    def reached(self) -> EvidenceLevel:
        """Highest level that was observed."""
        return max((each.level for each in self.observations), default=EvidenceLevel.NONE)

    @property
    def passed(self) -> bool:
        """True when the required level was reached and nothing failed before it."""
        return self.reached >= self.required

    @property
    def nic_seen(self) -> bool:
        """True when the guest brought its NIC up; a login prompt says nothing of it, an SSH banner does."""
        return any(
            each.level is EvidenceLevel.NETWORK or each.sign.startswith("SSH-") for each in self.observations
        )
