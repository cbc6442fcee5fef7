"""Guests that are refused, each with the reason and what the operator can do instead.

A refusal is decided on facts alone, so that pre-flight and the stage use the same rules.
"""

from dataclasses import dataclass

from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.guest.facts import GuestFacts, KernelFacts, PartitionTable

BOOT_DRIVERS = ("virtio_pci", "virtio_scsi", "sd_mod")
"""Without these the kernel does not see its disk at Scaleway."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """code: stable name. reason: what is in the way. instead: what the operator can do."""

    code: str
    reason: str
    instead: str


class GuestRefused(V2sError):
    """This guest cannot be adapted as it is; nothing was changed."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        self.refusals = refusals
        super().__init__(
            "; ".join(each.reason for each in refusals), hint="; ".join(each.instead for each in refusals)
        )


DYNAMIC_DISK = Refusal(
    "dynamic-disk",
    "the disk is a Windows dynamic disk (LDM)",
    "convert it to a basic disk in the source VM",
)
HYBRID_TABLE = Refusal(
    "hybrid-mbr",
    "the disk has a hybrid MBR and GPT",
    "make it a plain GPT in the source VM (gdisk, expert menu, new protective MBR)",
)
NO_TABLE = Refusal(
    "no-partition-table",
    "the boot disk has no partition table",
    "there is no room for an EFI system partition; put the system on a partitioned disk in the source VM",
)
ENCRYPTED_ROOT = Refusal(
    "encrypted-root",
    "the system is encrypted (LUKS) and cannot be read from outside",
    "decrypt it in the source VM, or prepare it there by hand and set `adapt: false`",
)
WINDOWS_BIOS = Refusal(
    "windows-bios",
    "Windows boots by BIOS and Scaleway boots by UEFI only",
    "in the source VM run `mbr2gpt /convert /allowFullOS`, set the firmware to EFI, boot it once, try again",
)
WINDOWS_32_BIT = Refusal(
    "windows-32-bit",
    "this is a 32-bit Windows",
    "there is no UEFI Instance type for it; install 64-bit Windows",
)


def refusals_of(facts: GuestFacts) -> tuple[Refusal, ...]:
    """Everything about a Linux guest that forbids its adaptation; empty when it may go on."""
    found = [_of_architecture(facts), _of_table(facts), *(_of_kernel(kernel) for kernel in facts.kernels[:1])]
    if not facts.kernels:
        found.append(
            Refusal(
                "no-kernel", "no kernel was found in /boot", "install a distribution kernel in the source VM"
            )
        )
    return tuple(each for each in found if each is not None)


def _of_architecture(facts: GuestFacts) -> Refusal | None:
    if facts.architecture in {"x86_64", ""}:
        return None
    return Refusal(
        "architecture",
        f"the guest is {facts.architecture}",
        "only 64-bit x86 guests boot on Scaleway's UEFI types",
    )


def _of_table(facts: GuestFacts) -> Refusal | None:
    return {PartitionTable.HYBRID: HYBRID_TABLE, PartitionTable.NONE: NO_TABLE}.get(facts.partition_table)


def _of_kernel(kernel: KernelFacts) -> Refusal | None:
    lacking = [name for name in kernel.unavailable_virtio if name in BOOT_DRIVERS]
    if not lacking:
        return None
    return Refusal(
        "no-virtio",
        f"kernel {kernel.version} has no driver {', '.join(lacking)}",
        "install a kernel with virtio drivers (Linux 3.4 or later, or a backport) in the source VM",
    )
