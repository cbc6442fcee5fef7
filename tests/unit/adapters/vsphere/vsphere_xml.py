"""SOAP answers in the shapes the vSphere API reference gives, for tests of our parser."""

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
)


def envelope(body: str) -> bytes:
    """A SOAP envelope around a body."""
    return ENVELOPE.format(body=body).encode()


def retrieve_answer(*objects: str, token: str = "") -> bytes:
    """A RetrievePropertiesExResponse of these `objects` elements."""
    next_page = f"<token>{token}</token>" if token else ""
    found = "".join(objects)
    return envelope(
        '<RetrievePropertiesExResponse xmlns="urn:vim25"><returnval>'
        f"{next_page}{found}</returnval></RetrievePropertiesExResponse>"
    )


def object_content(moref: str, kind: str, *prop_sets: str) -> str:
    """One `objects` element."""
    return f'<objects><obj type="{kind}">{moref}</obj>{"".join(prop_sets)}</objects>'


def prop(name: str, value: str, kind: str = "xsd:string") -> str:
    """A property of a simple type."""
    return f'<propSet><name>{name}</name><val xsi:type="{kind}">{value}</val></propSet>'


def ref_prop(name: str, kind: str, moref: str) -> str:
    """A property that is a reference."""
    return (
        f'<propSet><name>{name}</name><val type="{kind}" xsi:type="ManagedObjectReference">{moref}</val>'
        "</propSet>"
    )


def missing(path: str, fault: str) -> str:
    """A property that could not be read."""
    return (
        f"<missingSet><path>{path}</path><fault>"
        f'<fault xsi:type="{fault}"><privilegeId>System.View</privilegeId></fault>'
        "<localizedMessage>no</localizedMessage></fault></missingSet>"
    )


def vm_row(moref: str, name: str, *more: str, folder: str = "group-v10", power: str = "poweredOn") -> str:
    """A VM with the properties of the list."""
    return object_content(
        moref,
        "VirtualMachine",
        prop("name", name),
        ref_prop("parent", "Folder", folder),
        prop("config.instanceUuid", f"5000-{moref}"),
        prop("config.guestId", "debian12_64Guest"),
        prop("config.hardware.numCPU", "2", "xsd:int"),
        prop("config.hardware.memoryMB", "4096", "xsd:int"),
        prop("config.firmware", "efi"),
        prop("config.template", "false", "xsd:boolean"),
        prop("runtime.powerState", power, "VirtualMachinePowerState"),
        prop("runtime.connectionState", "connected", "VirtualMachineConnectionState"),
        ref_prop("runtime.host", "HostSystem", "host-20"),
        prop("guest.ipAddress", "10.0.0.5"),
        prop("guest.toolsRunningStatus", "guestToolsRunning"),
        prop("summary.storage.committed", "1234567", "xsd:long"),
        *more,
    )


PLACES = (
    object_content("group-d1", "Folder", prop("name", "Datacenters")),
    object_content("group-d2", "Folder", prop("name", "Sites"), ref_prop("parent", "Folder", "group-d1")),
    object_content("dc-3", "Datacenter", prop("name", "DC1"), ref_prop("parent", "Folder", "group-d2")),
    object_content("group-v4", "Folder", prop("name", "vm"), ref_prop("parent", "Datacenter", "dc-3")),
    object_content(
        "group-v10", "Folder", prop("name", "Prod%2fWeb"), ref_prop("parent", "Folder", "group-v4")
    ),
    object_content("group-v11", "Folder", prop("name", "vm"), ref_prop("parent", "Folder", "group-v10")),
    object_content(
        "domain-c7",
        "ClusterComputeResource",
        prop("name", "Cluster A"),
        ref_prop("parent", "Folder", "group-h5"),
    ),
    object_content(
        "domain-s8", "ComputeResource", prop("name", "esxi-9"), ref_prop("parent", "Folder", "group-h5")
    ),
    object_content(
        "host-20", "HostSystem", prop("name", "esxi-1"), ref_prop("parent", "ComputeResource", "domain-c7")
    ),
    object_content(
        "host-29", "HostSystem", prop("name", "esxi-9"), ref_prop("parent", "ComputeResource", "domain-s8")
    ),
    object_content("network-30", "Network", prop("name", "VM Network")),
    object_content("datastore-50", "Datastore", prop("name", "san [gold] 01")),
    object_content(
        "dvportgroup-31",
        "DistributedVirtualPortgroup",
        prop("name", "dv%2fprod"),
        prop("key", "dvportgroup-31"),
    ),
    object_content(
        "resgroup-v40",
        "VirtualApp",
        prop("name", "App One"),
        ref_prop("parent", "ResourcePool", "resgroup-8"),
        ref_prop("parentFolder", "Folder", "group-v10"),
        '<propSet><name>vm</name><val xsi:type="ArrayOfManagedObjectReference">'
        '<ManagedObjectReference type="VirtualMachine">vm-99</ManagedObjectReference></val></propSet>',
    ),
)
