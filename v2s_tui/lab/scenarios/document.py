"""The YAML form of a scenario, checked on the way in. Defaults here keep the files short."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DiskDocument(_Document):
    """One disk. size_gib may be a fraction; content is a kind of disks/build.py."""

    size_gib: float = Field(gt=0)
    content: str = "random"
    payload_mib: float | None = Field(None, ge=0)
    label: str | None = None
    datastore: str = "datastore1"
    thin: bool = True
    mode: str = "persistent"
    backing: Literal["flat", "rdm-virtual", "rdm-physical"] = "flat"
    controller: Literal["pvscsi", "lsilogic", "lsisas", "sata", "nvme", "ide"] = "pvscsi"
    sharing: bool = False


class VmDocument(_Document):
    """One VM. networks: one card each; hostname: what VMware Tools report, by default the VM's name."""

    name: str
    folder: str = Field(pattern="^/[^/]+")
    host: str
    guest_id: str = "debian12_64Guest"
    guest_full_name: str = "Debian GNU/Linux 12 (64-bit)"
    firmware: Literal["bios", "efi"] = "bios"
    secure_boot: bool = False
    power: Literal["poweredOn", "poweredOff", "suspended"] = "poweredOn"
    connection: Literal["connected", "disconnected", "orphaned", "inaccessible", "invalid"] = "connected"
    cpu: int = Field(2, ge=1)
    memory_mb: int = Field(2048, ge=4)
    disks: tuple[DiskDocument, ...] = ()
    networks: tuple[str, ...] = ("VM Network",)
    adapter: Literal["vmxnet3", "e1000", "e1000e"] = "vmxnet3"
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = Field(default_factory=dict)
    snapshots: tuple[str, ...] = ()
    tools: Literal["guestToolsRunning", "guestToolsNotRunning", "toolsNotInstalled"] = "guestToolsRunning"
    hostname: str | None = None
    annotation: str = ""
    template: bool = False
    readable: bool = True
    change_tracking: bool = False
    denied: tuple[str, ...] = ()
    strange_values: dict[str, str] = Field(default_factory=dict)


class HostDocument(_Document):
    """One ESXi host."""

    name: str
    cluster: str
    datacenter: str = "DC1"
    nfc_host: str = ""


class GeneratorDocument(_Document):
    """Draw the VMs from a seed instead of listing them. count: how many when the caller names no number."""

    seed: int = 1
    count: int = Field(100, ge=1)


class ScenarioDocument(_Document):
    """A whole scenario file. `shared` is free space for YAML anchors and is not read."""

    name: str
    hosts: tuple[HostDocument, ...] = Field(min_length=1)
    datastores: tuple[str, ...] = ("datastore1",)
    networks: tuple[str, ...] = ("VM Network",)
    vms: tuple[VmDocument, ...] = ()
    generator: GeneratorDocument | None = None
    disks_at_start: bool = True
    tag_category: str = "lab"
    shared: object = None
