"""VMware's tools inside a guest: masked where systemd runs them, their leftovers removed.

Masking runs no guest code and can be undone; removing the package is left to the owner of the system.
"""

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

_UNITS = (
    "open-vm-tools.service", "vmtoolsd.service", "vgauth.service", "vgauthd.service",
    "run-vmblock\\x2dfuse.mount", "vmware-tools.service",
    "vmware-tools-thinprint.service", "vmware-USBArbitrator.service",
)  # fmt: skip
_UNIT_FOLDERS = ("/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system")
_LEFTOVERS = (
    "/etc/udev/rules.d/99-vmware-scsi-udev.rules",
    "/etc/udev/rules.d/99-vmware-scsi-timeout.rules",
    "/etc/modprobe.d/vmware*.conf",
    "/etc/modules-load.d/*vmware*.conf",
    "/etc/modules-load.d/open-vm-tools*.conf",
)
_SYSV = "/etc/rc[2345].d/S[0-9][0-9]{name}"


def installed_tools(view: GuestView) -> tuple[str, ...]:
    """Names of VMware units and tools that the guest has."""
    units = [unit for unit in _UNITS if any(view.is_file(f"{folder}/{unit}") for folder in _UNIT_FOLDERS)]
    legacy = ["vmware-tools"] if view.is_file("/etc/vmware-tools/locations") else []
    return tuple(units + legacy)


def plan_vmware_removal(view: GuestView) -> tuple[Change, ...]:
    """Mask the units, remove the System V start links, remove udev and module configuration."""
    changes = []
    for unit in installed_tools(view):
        link = f"/etc/systemd/system/{unit}"
        if unit != "vmware-tools" and view.link_target(link) != "/dev/null":
            changes.append(
                Change(ChangeKind.LINK, link, "VMware's service has no host to talk to", target="/dev/null")
            )
    for name in ("open-vm-tools", "vmware-tools"):
        links = view.glob(_SYSV.format(name=name))
        changes += [Change(ChangeKind.REMOVE, path, "VMware's service is not started") for path in links]
    for pattern in _LEFTOVERS:
        changes += [
            Change(ChangeKind.REMOVE, path, "configuration for VMware's devices")
            for path in view.glob(pattern)
        ]
    return tuple(changes)
