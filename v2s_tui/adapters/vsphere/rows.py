"""A VM of the domain from vSphere's properties. What vCenter does not tell stays empty; nothing fails."""

from collections.abc import Mapping

from v2s_tui.adapters.vsphere.answer import ObjectContent
from v2s_tui.adapters.vsphere.hardware import Hardware, read_hardware
from v2s_tui.adapters.vsphere.places import Places
from v2s_tui.adapters.vsphere.snapshot_tree import flatten
from v2s_tui.adapters.vsphere.values import (
    Parts,
    Value,
    clean,
    decoded_name,
    flag_of,
    items_of,
    moref_of,
    number_of,
    parts_of,
    text_of,
)
from v2s_tui.domain.source.vm import Firmware, GuestFilesystem, PowerState, Vm

LIST_PROPERTIES = (
    "name",
    "parent",
    "config.instanceUuid",
    "config.guestId",
    "config.guestFullName",
    "config.hardware.numCPU",
    "config.hardware.memoryMB",
    "config.firmware",
    "config.template",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
    "guest.ipAddress",
    "guest.toolsRunningStatus",
    "summary.storage.committed",
)
"""The 15 scalars that a row of the list needs: 2.5 kB a VM where everything is 14."""

DETAIL_PROPERTIES = (
    "config.uuid",
    "config.hardware.device",
    "config.annotation",
    "config.version",
    "config.changeTrackingEnabled",
    "config.bootOptions",
    "runtime.consolidationNeeded",
    "guest.net",
    "guest.disk",
    "guest.hostName",
    "guest.toolsVersion",
    "snapshot",
    "resourcePool",
    "customValue",
)
"""What the second pass reads in addition."""

Props = Mapping[str, Value]
_POWER = {state.value: state for state in PowerState}
_FIRMWARE = {firmware.value: firmware for firmware in Firmware}


def is_template(props: Props) -> bool:
    """Templates are no VMs to migrate."""
    return flag_of(props.get("config.template")) is True


def listed_vm(content: ObjectContent, places: Places) -> Vm:
    """The row of the list."""
    return Vm(**_listed(content, places))  # type: ignore[arg-type]


def detailed_vm(content: ObjectContent, places: Places, attributes: Mapping[str, str]) -> Vm:
    """The VM with list and detail properties. attributes: custom field key -> name."""
    return Vm(**_listed(content, places), **_details(content.props, places, attributes))  # type: ignore[arg-type]


def _listed(content: ObjectContent, places: Places) -> dict[str, object]:
    props, moref = content.props, content.ref.id
    folder = places.folder_of_vm(moref, moref_of(props.get("parent")))
    host = moref_of(props.get("runtime.host"))
    return {
        "moref": moref,
        "name": decoded_name(text_of(props.get("name"))) or moref,
        "instance_uuid": text_of(props.get("config.instanceUuid")),
        "folder": folder.path,
        "datacenter": folder.datacenter,
        "cluster": places.cluster_of_host(host),
        "host": places.name(host),
        "power_state": power_state_of(props.get("runtime.powerState")),
        "connection_state": text_of(props.get("runtime.connectionState")) or "connected",
        "cpu_count": number_of(props.get("config.hardware.numCPU")),
        "memory_mb": number_of(props.get("config.hardware.memoryMB")),
        "guest_id": text_of(props.get("config.guestId")),
        "guest_full_name": text_of(props.get("config.guestFullName")),
        "firmware": _FIRMWARE.get(text_of(props.get("config.firmware")), Firmware.UNKNOWN),
        "guest_ip": text_of(props.get("guest.ipAddress")),
        "tools_status": text_of(props.get("guest.toolsRunningStatus")),
        "committed_bytes": _bytes(props.get("summary.storage.committed")),
        "readable": "config.hardware.numCPU" in props,
    }


def _details(props: Props, places: Places, attributes: Mapping[str, str]) -> dict[str, object]:
    hardware = read_hardware(props.get("config.hardware.device"), props.get("guest.net"), places)
    return {
        "bios_uuid": text_of(props.get("config.uuid")),
        "resource_pool": places.name(moref_of(props.get("resourcePool"))),
        "snapshots": flatten(props.get("snapshot")),
        "custom_attributes": _custom_attributes(props.get("customValue"), attributes),
        "tools_version": text_of(props.get("guest.toolsVersion")),
        "host_name": text_of(props.get("guest.hostName")),
        "annotation": text_of(props.get("config.annotation")),
        "consolidation_needed": flag_of(props.get("runtime.consolidationNeeded")),
        "change_tracking": flag_of(props.get("config.changeTrackingEnabled")),
        "secure_boot": flag_of(parts_of(props.get("config.bootOptions")).get("efiSecureBootEnabled")),
        "hardware_version": text_of(props.get("config.version")),
        "guest_filesystems": tuple(map(_filesystem, map(parts_of, items_of(props.get("guest.disk"))))),
        **_hardware(hardware),
    }


def _hardware(hardware: Hardware) -> dict[str, object]:
    return {
        "disks": hardware.disks,
        "nics": hardware.nics,
        "has_tpm": hardware.has_tpm,
        "passthrough_devices": hardware.passthrough_devices,
        "usb_devices": hardware.usb_devices,
        "encrypted": hardware.encrypted,
    }


def _custom_attributes(values: Value | None, attributes: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items_of(values):
        key = text_of(parts_of(item).get("key"))
        value = text_of(parts_of(item).get("value"))
        if value:
            found[clean(attributes.get(key, key))] = value
    return found


def _filesystem(parts: Parts) -> GuestFilesystem:
    return GuestFilesystem(
        mount=text_of(parts.get("diskPath")),
        capacity_bytes=number_of(parts.get("capacity")),
        free_bytes=number_of(parts.get("freeSpace")),
    )


def _bytes(value: Value | None) -> int | None:
    return number_of(value) if value is not None else None


def power_state_of(value: Value | None) -> PowerState:
    """The power state; a word that is new is UNKNOWN, not an error."""
    return _POWER.get(value if isinstance(value, str) else "", PowerState.UNKNOWN)
