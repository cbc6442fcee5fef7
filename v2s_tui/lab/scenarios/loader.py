"""Scenario files into scenarios: names and paths resolved, identities and addresses derived, disks placed."""

import re
import uuid
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from v2s_tui.lab.scenarios.document import DiskDocument, ScenarioDocument, VmDocument
from v2s_tui.lab.scenarios.fleet import generate_vms
from v2s_tui.lab.scenarios.model import BOOTABLE, DiskSpec, HostSpec, NicSpec, Scenario, VmSpec

GIB = 1 << 30
MIB = 1 << 20
_NAMESPACE = uuid.UUID("0e7b6b4a-5a0d-4c0e-8f63-64f2f1a1c001")
_DISKS_PER_CONTROLLER = {"pvscsi": 15, "lsilogic": 15, "lsisas": 15, "sata": 30, "nvme": 15, "ide": 2}
_FILLER_SEED = 2


class ScenarioError(ValueError):
    """The scenario does not exist, or its file does not describe one."""


def load_scenario(name_or_path: str, *, vm_count: int | None = None, folder: Path) -> Scenario:
    """Load a bundled scenario (`demo`, `tiny`, `awkward`, `fleet`) or a file of the same form.

    vm_count: exactly so many VMs: a listed scenario is cut short, or filled up with generated VMs.
    folder: the lab folder; raw disks will lie in `folder/disks`. Raises ScenarioError.
    """
    document = _read(name_or_path)
    vms = _vm_documents(document, vm_count)
    hosts = tuple(
        HostSpec(host.name, host.cluster, host.datacenter, nfc_host=host.nfc_host) for host in document.hosts
    )
    _check_hosts(vms, hosts)
    return Scenario(
        name=document.name,
        folder=folder,
        hosts=hosts,
        datastores=document.datastores,
        networks=document.networks,
        vms=tuple(_vm(vm, index, document.name, folder / "disks") for index, vm in enumerate(vms)),
        disks_at_start=document.disks_at_start,
        tag_category=document.tag_category,
    )


def _read(name_or_path: str) -> ScenarioDocument:
    bundled = resources.files("v2s_tui.lab.scenarios") / f"{name_or_path}.yaml"
    try:
        is_bundled = re.fullmatch(r"[a-z0-9-]+", name_or_path) and bundled.is_file()
        text = (bundled if is_bundled else Path(name_or_path)).read_text(encoding="utf-8")
        return ScenarioDocument.model_validate(yaml.safe_load(text))
    except (OSError, yaml.YAMLError, ValidationError) as err:
        raise ScenarioError(f"scenario {name_or_path}: {err}") from err


def _vm_documents(document: ScenarioDocument, vm_count: int | None) -> list[VmDocument]:
    generator = document.generator
    listed = list(document.vms)
    wanted = len(listed) + (generator.count if generator else 0) if vm_count is None else vm_count
    missing = max(0, wanted - len(listed))
    seed = generator.seed if generator else _FILLER_SEED
    generated = generate_vms(missing, seed=seed, hosts=document.hosts, networks=document.networks)
    return (listed + list(generated))[:vm_count]


def _check_hosts(vms: list[VmDocument], hosts: tuple[HostSpec, ...]) -> None:
    known = {host.name for host in hosts}
    for vm in vms:
        if vm.host not in known:
            raise ScenarioError(f"VM {vm.name} is on host {vm.host}, which the scenario does not list")


def _vm(vm: VmDocument, index: int, scenario: str, disk_folder: Path) -> VmSpec:
    identity = uuid.uuid5(_NAMESPACE, f"{scenario}:{vm.folder}/{vm.name}")
    running = vm.power == "poweredOn" and vm.tools == "guestToolsRunning"
    return VmSpec(
        name=vm.name,
        folder=vm.folder,
        host=vm.host,
        instance_uuid=str(identity),
        bios_uuid=str(uuid.uuid5(identity, "bios")),
        guest_id=vm.guest_id,
        guest_full_name=vm.guest_full_name,
        firmware=vm.firmware,
        secure_boot=vm.secure_boot,
        power=vm.power,
        connection=vm.connection,
        cpu_count=vm.cpu,
        memory_mb=vm.memory_mb,
        disks=_disks(vm, identity, disk_folder),
        nics=_nics(vm, index, identity, addressed=running),
        tags=vm.tags,
        custom_attributes=vm.custom_attributes,
        snapshots=vm.snapshots,
        tools=vm.tools,
        host_name=(vm.hostname if vm.hostname is not None else vm.name.lower()) if running else "",
        annotation=vm.annotation,
        template=vm.template,
        readable=vm.readable,
        change_tracking=vm.change_tracking,
        denied=vm.denied,
        strange_values=vm.strange_values,
    )


def _disks(vm: VmDocument, identity: uuid.UUID, folder: Path) -> tuple[DiskSpec, ...]:
    return tuple(_disk(vm, disk, number, identity, folder) for number, disk in enumerate(vm.disks))


def _disk(vm: VmDocument, disk: DiskDocument, number: int, identity: uuid.UUID, folder: Path) -> DiskSpec:
    """Place a disk: unit 7 of a SCSI controller is the controller itself."""
    bus, unit = divmod(number, _DISKS_PER_CONTROLLER[disk.controller])
    is_scsi = disk.controller in ("pvscsi", "lsilogic", "lsisas")
    slug = re.sub(r"[^A-Za-z0-9.-]+", "_", vm.name)[:40]
    return DiskSpec(
        label=disk.label or f"Hard disk {number + 1}",
        size_bytes=round(disk.size_gib * GIB) // 512 * 512,
        content=disk.content,
        raw_path=folder / f"{slug}-{identity.hex[:8]}-{number}.raw",
        seed=f"{vm.name}/{identity.hex[:8]}/{number}",
        payload_bytes=None if disk.payload_mib is None else round(disk.payload_mib * MIB),
        datastore=disk.datastore,
        thin=disk.thin,
        mode=disk.mode,
        backing=disk.backing,
        controller=disk.controller,
        bus=bus,
        unit=unit + 1 if is_scsi and unit >= 7 else unit,
        sharing=disk.sharing,
    )


def _nics(vm: VmDocument, index: int, identity: uuid.UUID, *, addressed: bool) -> tuple[NicSpec, ...]:
    """Network cards, the first one with the address VMware Tools report."""
    address = f"10.{20 + index // 62500}.{index // 250 % 250}.{index % 250 + 2}"
    return tuple(
        NicSpec(
            mac_address=_mac_address(vm, identity, number),
            network=network,
            adapter=vm.adapter,
            ip_addresses=(address,) if addressed and number == 0 else (),
        )
        for number, network in enumerate(vm.networks)
    )


def _mac_address(vm: VmDocument, identity: uuid.UUID, number: int) -> str:
    """An address of VMware's range from the VM's identity; a bootable guest pins its first card itself."""
    if number == 0 and vm.disks and vm.disks[0].content.startswith(BOOTABLE):
        from v2s_tui.lab.guests.micro import identity_of

        return identity_of(vm.name).mac
    octets = identity.bytes
    return f"00:50:56:{octets[0] & 0x3F:02x}:{octets[1]:02x}:{(octets[2] + number) & 0xFF:02x}"
