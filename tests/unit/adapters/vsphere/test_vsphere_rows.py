"""From properties to VMs: joins, names, hardware, and VMs without configuration."""

import pytest
from vsphere_xml import missing, object_content, prop, ref_prop, retrieve_answer, vm_row

from v2s_tui.adapters.vsphere.answer import ObjectContent, read_body, read_objects
from v2s_tui.adapters.vsphere.places import Places
from v2s_tui.adapters.vsphere.rows import detailed_vm, is_template, listed_vm
from v2s_tui.adapters.vsphere.values import clean, decoded_name
from v2s_tui.domain.source.vm import DiskBacking, Firmware, GuestFilesystem, PowerState


def content(*rows: str) -> list[ObjectContent]:
    return read_objects(read_body(retrieve_answer(*rows))[1].get("returnval"))


def test_a_row_is_joined_with_its_places(places: Places) -> None:
    vm = listed_vm(content(vm_row("vm-1", "web-01"))[0], places)
    assert (vm.path, vm.datacenter) == ("/Sites/DC1/Prod/Web/web-01", "DC1")
    assert (vm.host, vm.cluster) == ("esxi-1", "Cluster A")
    assert (vm.power_state, vm.firmware, vm.cpu_count) == (PowerState.ON, Firmware.EFI, 2)
    assert (vm.memory_mb, vm.committed_bytes, vm.readable) == (4096, 1234567, True)


def test_only_the_datacentres_own_vm_folder_is_invisible(places: Places) -> None:
    """A folder that people called `vm` is theirs."""
    assert listed_vm(content(vm_row("vm-1", "a", folder="group-v4"))[0], places).folder == "/Sites/DC1"
    below = listed_vm(content(vm_row("vm-1", "a", folder="group-v11"))[0], places)
    assert below.folder == "/Sites/DC1/Prod/Web/vm"


def test_a_vm_in_a_vapp_lives_below_it(places: Places) -> None:
    row = object_content("vm-99", "VirtualMachine", prop("name", "in-app"))
    assert listed_vm(content(row)[0], places).folder == "/Sites/DC1/Prod/Web/App One"


def test_a_host_outside_a_cluster_has_none(places: Places) -> None:
    row = object_content("vm-1", "VirtualMachine", ref_prop("runtime.host", "HostSystem", "host-29"))
    vm = listed_vm(content(row)[0], places)
    assert (vm.host, vm.cluster, vm.name) == ("esxi-9", "", "vm-1")


def test_a_vm_without_configuration_is_kept_and_marked(places: Places) -> None:
    orphan = object_content(
        "vm-5",
        "VirtualMachine",
        prop("name", "lost"),
        ref_prop("parent", "Folder", "group-v10"),
        prop("runtime.connectionState", "orphaned"),
        missing("config.guestId", "NoPermission"),
    )
    vm = listed_vm(content(orphan)[0], places)
    assert (vm.readable, vm.name, vm.connection_state) == (False, "lost", "orphaned")
    assert vm.folder == "/Sites/DC1/Prod/Web"


def test_unknown_words_are_unknown_not_errors(places: Places) -> None:
    row = vm_row("vm-1", "a", prop("config.hardware.numCPU", "many"), power="hibernating")
    assert listed_vm(content(row)[0], places).power_state is PowerState.UNKNOWN
    assert listed_vm(content(row)[0], places).cpu_count == 0


def test_templates_are_told_apart() -> None:
    template = object_content("vm-1", "VirtualMachine", prop("config.template", "true", "xsd:boolean"))
    assert [is_template(found.props) for found in content(template, vm_row("vm-2", "a"))] == [True, False]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("web%2f01", "web/01"),
        ("100%25", "100%"),
        ("a%5Cb", "a\\b"),
        ("%252f", "%2f"),
        ("50% off%20", "50% off%20"),
        ("[prod] web", "[prod] web"),
        ("red\x1b[31m", "red[31m"),
        ("two\nlines", "two lines"),
        ("txt\u202eexe", "txtexe"),
    ],
)
def test_names_are_decoded_as_vsphere_encodes_them(sent: str, shown: str) -> None:
    assert decoded_name(sent) == shown


def test_printable_text_is_left_alone() -> None:
    assert clean("Zürich ☃ データ") == "Zürich ☃ データ"


def device(kind: str, key: int, inner: str) -> str:
    return f'<VirtualDevice xsi:type="{kind}"><key>{key}</key>{inner}</VirtualDevice>'


def disk(
    key: int, controller: int, unit: int, backing: str, *, kind: str = "VirtualDiskFlatVer2BackingInfo"
) -> str:
    return device(
        "VirtualDisk",
        key,
        f"<deviceInfo><label>Hard disk {key}</label></deviceInfo>"
        f'<backing xsi:type="{kind}">{backing}</backing><controllerKey>{controller}</controllerKey>'
        f"<unitNumber>{unit}</unitNumber><capacityInKB>1024</capacityInKB>",
    )


HARDWARE = (
    '<propSet><name>config.hardware.device</name><val xsi:type="ArrayOfVirtualDevice">'
    + device("VirtualIDEController", 200, "<busNumber>0</busNumber>")
    + device("ParaVirtualSCSIController", 1000, "<busNumber>0</busNumber><sharedBus>noSharing</sharedBus>")
    + device(
        "VirtualLsiLogicSASController", 1001, "<busNumber>1</busNumber><sharedBus>physicalSharing</sharedBus>"
    )
    + disk(2016, 1001, 0, "<fileName>[ds%2f2] a/quorum.vmdk</fileName><diskMode>persistent</diskMode>")
    + disk(
        2001,
        1000,
        1,
        "<fileName>[ds1] a/a_1.vmdk</fileName><diskMode>independent_persistent</diskMode>"
        "<thinProvisioned>true</thinProvisioned><sharing>sharingMultiWriter</sharing>",
    )
    + disk(2000, 1000, 0, "<fileName>[ds1] a/a.vmdk</fileName><diskMode>persistent</diskMode>")
    + disk(
        2002,
        1000,
        2,
        "<fileName>[ds1] a/rdm.vmdk</fileName><compatibilityMode>physicalMode</compatibilityMode>",
        kind="VirtualDiskRawDiskMappingVer1BackingInfo",
    )
    + disk(
        2003,
        1000,
        3,
        '<fileName>[san [gold] 01] [a] b/new.vmdk</fileName><datastore type="Datastore">datastore-50'
        "</datastore>",
        kind="VirtualDiskFromTheFutureBackingInfo",
    )
    + device(
        "VirtualVmxnet3",
        4000,
        "<deviceInfo><label>Network adapter 1</label></deviceInfo>"
        '<backing xsi:type="VirtualEthernetCardDistributedVirtualPortBackingInfo"><port>'
        "<switchUuid>x</switchUuid><portgroupKey>dvportgroup-31</portgroupKey></port></backing>"
        "<connectable><connected>true</connected></connectable><macAddress>00:50:56:AA:00:01</macAddress>",
    )
    + device(
        "VirtualE1000e",
        4001,
        '<backing xsi:type="VirtualEthernetCardNetworkBackingInfo"><deviceName>old name</deviceName>'
        '<network type="Network">network-30</network></backing><macAddress>00:50:56:aa:00:02</macAddress>',
    )
    + device("VirtualTPM", 11000, "")
    + device("VirtualPCIPassthrough", 13000, "")
    + device("VirtualUSBXHCIController", 14000, "<busNumber>0</busNumber>")
    + device("VirtualUSB", 14001, "<controllerKey>14000</controllerKey>")
    + device("VirtualSomethingNew", 15000, "<odd><er/></odd>")
    + "</val></propSet>"
)
GUEST_NET = (
    '<propSet><name>guest.net</name><val xsi:type="ArrayOfGuestNicInfo"><GuestNicInfo>'
    "<ipAddress>10.1.2.3</ipAddress><ipAddress>fe80::5</ipAddress><deviceConfigId>4000</deviceConfigId>"
    "</GuestNicInfo></val></propSet>"
)
GUEST_DISK = (
    '<propSet><name>guest.disk</name><val xsi:type="ArrayOfGuestDiskInfo"><GuestDiskInfo>'
    "<diskPath>C:\\</diskPath><capacity>100</capacity><freeSpace>7</freeSpace></GuestDiskInfo></val></propSet>"
)
SNAPSHOT = (
    '<propSet><name>snapshot</name><val xsi:type="VirtualMachineSnapshotInfo">'
    '<currentSnapshot type="VirtualMachineSnapshot">snapshot-2</currentSnapshot>'
    '<rootSnapshotList><snapshot type="VirtualMachineSnapshot">snapshot-1</snapshot>'
    "<name>before</name><createTime>2026-01-02T03:04:05Z</createTime>"
    '<childSnapshotList><snapshot type="VirtualMachineSnapshot">snapshot-2</snapshot><name>after%2fall</name>'
    "<createTime>2026-01-03T03:04:05Z</createTime></childSnapshotList></rootSnapshotList></val></propSet>"
)


def test_details_hold_hardware_snapshots_and_attributes(places: Places) -> None:
    custom = (
        '<propSet><name>customValue</name><val xsi:type="ArrayOfCustomFieldValue">'
        '<CustomFieldValue xsi:type="CustomFieldStringValue"><key>101</key><value>Payroll</value>'
        "</CustomFieldValue></val></propSet>"
    )
    boot = (
        '<propSet><name>config.bootOptions</name><val xsi:type="VirtualMachineBootOptions">'
        "<efiSecureBootEnabled>true</efiSecureBootEnabled></val></propSet>"
    )
    row = vm_row("vm-1", "a", HARDWARE, GUEST_NET, GUEST_DISK, SNAPSHOT, custom, boot)
    vm = detailed_vm(content(row)[0], places, {"101": "owner"})
    assert [(taken.name, taken.depth) for taken in vm.snapshots] == [("before", 1), ("after/all", 2)]
    assert vm.custom_attributes == {"owner": "Payroll"}
    assert (vm.secure_boot, vm.has_tpm, vm.passthrough_devices) == (True, True, 1)
    assert (vm.usb_devices, vm.encrypted, vm.consolidation_needed) == (1, False, None)
    assert vm.guest_filesystems == (GuestFilesystem("C:\\", 100, 7),)


def test_a_disk_with_a_key_is_encrypted(places: Places) -> None:
    backing = "<fileName>[ds1] a/a.vmdk</fileName><keyId><keyId>k</keyId></keyId>"
    hardware = (
        '<propSet><name>config.hardware.device</name><val xsi:type="ArrayOfVirtualDevice">'
        f"{disk(2000, 1000, 0, backing)}</val></propSet>"
    )
    assert detailed_vm(content(vm_row("vm-1", "a", hardware))[0], places, {}).encrypted
    assert detailed_vm(content(vm_row("vm-1", "a"))[0], places, {}).encrypted is None


def test_disks_come_in_the_order_of_controller_and_unit(places: Places) -> None:
    disks = detailed_vm(content(vm_row("vm-1", "a", HARDWARE))[0], places, {}).disks
    assert [found.key for found in disks] == [2000, 2001, 2002, 2003, 2016]
    assert [found.datastore for found in disks] == ["ds1", "ds1", "ds1", "san [gold] 01", "ds/2"]
    assert [(found.controller, found.controller_bus) for found in disks[:1] + disks[-1:]] == [
        ("pvscsi", 0),
        ("lsisas1068", 1),
    ]
    assert [found.shared for found in disks] == [False, True, False, False, True]
    assert disks[1].independent
    assert [found.thin for found in disks[:2]] == [None, True]
    assert disks[0].capacity_bytes == 1024 * 1024
    assert (disks[2].backing, disks[3].backing) == (DiskBacking.RDM_PHYSICAL, DiskBacking.OTHER)


def test_nics_know_their_port_group_and_addresses(places: Places) -> None:
    first, second = detailed_vm(content(vm_row("vm-1", "a", HARDWARE, GUEST_NET))[0], places, {}).nics
    assert (first.port_group, first.adapter, first.connected) == ("dv/prod", "vmxnet3", True)
    assert (first.mac_address, first.ip_addresses) == ("00:50:56:aa:00:01", ("10.1.2.3", "fe80::5"))
    assert (second.port_group, second.adapter, second.connected) == ("VM Network", "e1000e", None)
