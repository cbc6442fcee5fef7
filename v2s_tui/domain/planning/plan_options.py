"""Plan keys beyond the specification: how one VM is copied, what it becomes and how it is connected.

All may stand in `defaults` and in a migration; None means "as in defaults", there "as v2s does by itself".
"""

import ipaddress
from enum import StrEnum
from typing import Any

from pydantic import AliasChoices, Field, field_validator, model_validator

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.guest.evidence import evidence_level
from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan_part import PlanPart
from v2s_tui.domain.planning.reachability import parse_probe


class Consistency(StrEnum):
    """SNAPSHOT copies a snapshot of the running VM; COLD shuts the source down first, so nothing is lost."""

    SNAPSHOT = "snapshot"
    COLD = "cold"


class GuestBackend(StrEnum):
    """Who converts the guest. VIRT_V2V: virt-v2v-in-place besides v2s's own steps, which know the target."""

    V2S = "v2s"
    VIRT_V2V = "virt-v2v"


class VolumeClass(StrEnum):
    """Block Storage by its IOPS."""

    SBS_5K = "sbs_5k"
    SBS_15K = "sbs_15k"

    @property
    def iops(self) -> int:
        """What the API calls perf_iops."""
        return 5000 if self is VolumeClass.SBS_5K else 15000


class NicRule(PlanPart):
    """What becomes of one NIC.

    nic: its MAC address, its label (`Network adapter 1`) or a glob on its port group. network: the Private
    Network's id or name, `public`, or `none`. addresses (with prefix length), gateway and
    nameservers: for static.
    """

    nic: str = Field(min_length=1)
    network: str | None = None
    mode: NicMode = NicMode.DHCP
    addresses: tuple[str, ...] = ()
    gateway: str = ""
    nameservers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _addresses_fit_the_mode(self) -> "NicRule":
        if self.mode is NicMode.STATIC and not self.addresses:
            raise ValueError("mode static needs addresses, such as [10.0.0.5/24]")
        if self.mode is not NicMode.STATIC and (self.addresses or self.gateway or self.nameservers):
            raise ValueError("addresses, gateway and nameservers belong to mode static")
        return self


_RESERVED = tuple(
    map(
        ipaddress.IPv4Network,
        ("127.0.0.0/8", "0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"),
    )
)
"""Ranges that no Private Network may have (docs: vpc/private-networks-reserved-prefixes, 2026-04)."""


class NewNetwork(PlanPart):
    """A Private Network that is made, once, in each region whose VMs join it; one of that name that is there
    already is used as it is.

    name: as `network_mapping` and `nics` say it. vpc: id or name; without it the project's default one.
    subnet: IPv4 in CIDR notation, `10.0.0.0/24`; without it Scaleway chooses a free /22.
    """

    name: str = Field(min_length=1)
    vpc: str | None = None
    subnet: str | None = None

    @field_validator("name")
    @classmethod
    def _is_no_keyword(cls, value: str) -> str:
        if value in {"public", "none"}:
            raise ValueError(f"{value} has a meaning of its own and cannot be a network's name")
        return value

    @field_validator("subnet")
    @classmethod
    def _is_private(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            subnet = ipaddress.IPv4Network(value)
        except ValueError as err:
            raise ValueError(f"{value!r} is no IPv4 subnet such as 10.0.0.0/24 ({err})") from err
        if subnet.is_global or any(subnet.overlaps(each) for each in _RESERVED):
            raise ValueError(f"{value} is no range of private addresses; take one of 10.0.0.0/8")
        if subnet.num_addresses < 8:
            raise ValueError(f"{value} has no address for a VM: four of each subnet are kept")
        return str(subnet)


class DiskRule(PlanPart):
    """What becomes of one disk: its label (`Hard disk 2`) or a glob on it. skip: leave it at VMware."""

    disk: str = Field(min_length=1)
    skip: bool = False
    volume_class: VolumeClass | None = None


def _volume_class(value: Any) -> Any:
    return {5000: "sbs_5k", 15000: "sbs_15k", "5000": "sbs_5k", "15000": "sbs_15k"}.get(value, value)


class VmOptions(PlanPart):
    """Options that `defaults` and migrations share.

    guest_backend: `virt-v2v` lets it convert the guest besides v2s, on a host that has it (default `v2s`).
    adapt: False copies the guest as it is; the operator knows that it boots by UEFI with virtio-scsi.
    initramfs: how Linux gets virtio drivers into one that lacks them: `overlay` appends an archive (default),
    `rebuild` runs the guest's own tool, which takes minutes; a VM whose tool fails fails.
    cloud_init: text beginning with `#`, or the path of a file beside the plan. rehearse: the evidence that a
    local boot must give before upload (`userspace` and the like), `off` for none. boot_timeout_seconds:
    what a boot may take, here and until the started VM answers its checks (default 300). security_group,
    placement_group: id or name. public_ip: give the Instance a flexible IPv4. accept: pre-flight finding code
    -> why it is acceptable. checks: how the started VM must answer this host: `ping`, `tcp:22`,
    `http:8080/health`. hard_power_off: where the source is shut down and its guest does not go down in time
    or cannot be asked, its plug is pulled; else the VM fails and its source runs on.
    """

    create_instance: bool | None = None
    guest_backend: GuestBackend | None = None
    adapt: bool | None = None
    initramfs: InitramfsMode | None = None
    consistency: Consistency | None = None
    volume_class: VolumeClass | None = Field(
        None, validation_alias=AliasChoices("volume_class", "iops"), serialization_alias="volume_class"
    )
    cloud_init: str | None = None
    rehearse: str | None = None
    boot_timeout_seconds: int | None = Field(None, ge=30, le=3600)
    security_group: str | None = None
    placement_group: str | None = None
    public_ip: bool | None = None
    nics: tuple[NicRule, ...] | None = None
    disks: tuple[DiskRule, ...] | None = None
    accept: dict[str, str] | None = None
    checks: tuple[str, ...] | None = None
    hard_power_off: bool | None = None

    @field_validator("volume_class", mode="before")
    @classmethod
    def _iops_are_a_class(cls, value: Any) -> Any:
        return _volume_class(value) if isinstance(value, int | str) else value

    @field_validator("checks")
    @classmethod
    def _known_checks(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        try:
            return None if value is None else tuple(str(parse_probe(each)) for each in value)
        except InputError as err:
            raise ValueError(str(err)) from err

    @field_validator("rehearse", mode="before")
    @classmethod
    def _known_level(cls, value: Any) -> Any:
        if value is False:
            return "off"
        if isinstance(value, str) and value != "off":
            return evidence_level(value).label
        return value
