"""A plan after it met the inventory: which VMs, in which wave, to which type. This is what a batch runs."""

from dataclasses import dataclass, field
from datetime import datetime

from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.plan_options import Consistency, GuestBackend, NewNetwork, VolumeClass
from v2s_tui.domain.source.guest_os import OsFamily
from v2s_tui.domain.source.vm import Disk, Vm
from v2s_tui.domain.target.network_map import PUBLIC, PlannedNic

BOOT_TIMEOUT_SECONDS = 300
"""What a boot may take: the rehearsal, and at Scaleway until every check of the plan is answered.

Emulated, a Debian takes up to 64 s, and three times that on a busy host (reference: guest.md section 8).
"""


@dataclass(frozen=True, slots=True)
class PlannedDisk:
    """A disk with its own volume class. skip: it stays at VMware. key: the disk's device key in the VM."""

    key: int
    skip: bool
    volume_class: VolumeClass


@dataclass(frozen=True, slots=True)
class PlannedVm:
    """One VM to migrate, everything decided. Plain data: it can be written to the state and sent elsewhere.

    vm: source facts at planning time. name: unambiguous name (a path where names repeat), unique in the
    batch. target_type: "" when no type fits (pre-flight blocks that); type_reason: why it was chosen.
    priority: 1 goes first. adapt: make it boot at Scaleway. rehearse: evidence level label, `off`, or "" for
    v2s's own default. cloud_init: text or path, "" none. public_ip: None: as wants_public_ip. checks: how it
    must answer this host (reachability.py). disks: only those with a rule of their own.
    accepted: finding code -> why. hard_power_off: a guest that does not go down when asked is switched off.
    """

    name: str
    vm: Vm
    target_type: str
    zone: str
    wave: str
    priority: int = 5
    tags: tuple[str, ...] = ()
    skip_validation: bool = False
    create_instance: bool = True
    network_mapping: dict[str, str] = field(default_factory=dict)
    notes: str = ""
    type_reason: str = ""
    guest_backend: GuestBackend = GuestBackend.V2S
    adapt: bool = False
    consistency: Consistency = Consistency.SNAPSHOT
    volume_class: VolumeClass = VolumeClass.SBS_5K
    nics: tuple[PlannedNic, ...] = ()
    disks: tuple[PlannedDisk, ...] = ()
    cloud_init: str = ""
    rehearse: str = ""
    boot_timeout_seconds: int = BOOT_TIMEOUT_SECONDS
    security_group: str = ""
    public_ip: bool | None = None
    accepted: dict[str, str] = field(default_factory=dict)
    checks: tuple[str, ...] = ()
    placement_group: str = ""
    hard_power_off: bool = False
    initramfs: InitramfsMode = InitramfsMode.OVERLAY

    @property
    def wants_public_ip(self) -> bool:
        """When the plan says so, by public_ip or a NIC on `public`: no VM goes on the Internet unasked."""
        if self.public_ip is not None:
            return self.public_ip
        return any(nic.network == PUBLIC for nic in self.nics)

    @property
    def windows(self) -> bool:
        """True when the guest is Windows, which has stages of its own."""
        return self.vm.os_family is OsFamily.WINDOWS

    @property
    def by_virt_v2v(self) -> bool:
        """True when virt-v2v converts the guest as well."""
        return self.adapt and self.guest_backend is GuestBackend.VIRT_V2V

    @property
    def rehearses(self) -> bool:
        """True when the guest boots here before it is sent: as the plan says, else where v2s adapted it.

        Windows is rehearsed only when the plan names a level: no console of it speaks on its own.
        """
        if self.rehearse:
            return self.rehearse != "off"
        return self.adapt and not self.windows

    @property
    def rebuilds_initramfs(self) -> bool:
        """True where an initramfs that lacks drivers is made anew by the guest's own tool."""
        return self.adapt and not self.windows and self.initramfs is InitramfsMode.REBUILD

    def volume_class_of(self, disk_key: int) -> VolumeClass:
        """The class for one disk."""
        own = next((each for each in self.disks if each.key == disk_key), None)
        return own.volume_class if own else self.volume_class

    @property
    def skipped_disks(self) -> frozenset[int]:
        """Device keys of disks that stay at VMware."""
        return frozenset(each.key for each in self.disks if each.skip)

    def moving_disks(self, vm: Vm | None = None) -> tuple[Disk, ...]:
        """Disks that the plan does not leave at VMware, boot disk first (controller and unit order).

        vm: as it is at another moment than when it was planned.
        """
        skipped = self.skipped_disks
        return tuple(disk for disk in (vm or self.vm).disks if disk.key not in skipped)


@dataclass(frozen=True, slots=True)
class ResolvedWave:
    """A wave with its VMs in starting order. An empty wave keeps its place and its own policy.

    not_before, not_after: the window in which its VMs may start; None where it is open.
    """

    name: str
    vm_names: tuple[str, ...]
    pause_after: PausePolicy
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResolvedPlan:
    """Every VM of the inventory is in exactly one of: planned, excluded, or not mentioned.

    excluded: (unambiguous name, reason). not_together: groups of planned names of which one moves at a time.
    accepted: finding code -> why, for findings on the whole batch. private_networks: to be made where a VM
    joins them.
    """

    vms: tuple[PlannedVm, ...]
    waves: tuple[ResolvedWave, ...]
    limits: Limits
    post_migration: PostMigration
    excluded: tuple[tuple[str, str], ...] = ()
    unmatched_selectors: tuple[str, ...] = ()
    not_together: tuple[tuple[str, ...], ...] = ()
    accepted: dict[str, str] = field(default_factory=dict)
    private_networks: tuple[NewNetwork, ...] = ()

    def get(self, name: str) -> PlannedVm:
        """The planned VM of this unambiguous name; KeyError when there is none."""
        for planned in self.vms:
            if planned.name == name:
                return planned
        raise KeyError(name)
