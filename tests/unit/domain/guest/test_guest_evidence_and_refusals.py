"""Evidence levels, and the rules that refuse a guest."""

from dataclasses import replace

import pytest

from v2s_tui.domain.guest.evidence import EvidenceLevel, Observation, Rehearsal, evidence_level
from v2s_tui.domain.guest.facts import (
    BootFacts,
    GuestFacts,
    GuestFilesystem,
    GuestMount,
    KernelFacts,
    PartitionTable,
)
from v2s_tui.domain.guest.refusals import refusals_of

ROOT = GuestMount("/", GuestFilesystem("/dev/sda1", "ext4", "11111111-2222-3333-4444-555555555555"))
GOOD = GuestFacts(
    os_id="debian",
    os_version="12",
    os_name="Debian",
    architecture="x86_64",
    partition_table=PartitionTable.MBR,
    mounts=(ROOT,),
    boot=BootFacts(
        "bios", ROOT.filesystem.uuid, "ext4", "/boot/grub/grub.cfg", bls=False, default_entry=None
    ),
    kernels=(KernelFacts("6.1", "/boot/vmlinuz-6.1", "/boot/initrd.img-6.1"),),
)


def codes(facts: GuestFacts) -> set[str]:
    return {refusal.code for refusal in refusals_of(facts)}


def test_a_usual_guest_is_not_refused() -> None:
    assert codes(GOOD) == set()


def test_each_reason_is_named() -> None:
    old = KernelFacts("2.6.32", "/boot/vmlinuz-2.6.32", "", "", ("virtio_scsi",), ("virtio_scsi",))
    assert codes(replace(GOOD, architecture="i386")) == {"architecture"}
    assert codes(replace(GOOD, partition_table=PartitionTable.HYBRID)) == {"hybrid-mbr"}
    assert codes(replace(GOOD, kernels=())) == {"no-kernel"}
    assert codes(replace(GOOD, kernels=(old,))) == {"no-virtio"}


def test_a_driver_that_can_be_added_is_no_reason() -> None:
    kernel = KernelFacts("6.1", "/boot/vmlinuz-6.1", "/boot/initrd.img-6.1", "", ("virtio_scsi",), ())
    assert codes(replace(GOOD, kernels=(kernel,))) == set()


def test_every_refusal_says_what_to_do() -> None:
    facts = replace(GOOD, architecture="i386", partition_table=PartitionTable.NONE, kernels=())
    assert all(refusal.instead and refusal.reason for refusal in refusals_of(facts))
    assert len(refusals_of(facts)) == 3


@pytest.mark.parametrize("level", list(EvidenceLevel))
def test_labels_are_read_back(level: EvidenceLevel) -> None:
    assert evidence_level(level.label) is level


def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(ValueError, match="userspace"):
        evidence_level("login")


def test_a_rehearsal_passes_when_its_level_was_seen() -> None:
    seen = (
        Observation(EvidenceLevel.FIRMWARE, 4.0, "x"),
        Observation(EvidenceLevel.USERSPACE, 9.0, "login:"),
    )
    result = Rehearsal(EvidenceLevel.USERSPACE, seen, "", "", "", "tcg", "scaleway", 9.0)
    assert result.passed
    assert not replace(result, required=EvidenceLevel.POWER_OFF).passed
    assert not replace(result, observations=()).passed
