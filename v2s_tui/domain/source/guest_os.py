"""Guest operating systems as vSphere names them, reduced to the families that decide the stages.

Source of the identifiers: vSphere API, VirtualMachineGuestOsIdentifier.
"""

from enum import StrEnum


class OsFamily(StrEnum):
    """What kind of guest it is. UNKNOWN runs the Linux stages, with a warning; OTHER cannot be adapted."""

    LINUX = "linux"
    WINDOWS = "windows"
    OTHER = "other"
    UNKNOWN = "unknown"


_OTHER_PREFIXES = (
    "darwin",
    "freebsd",
    "solaris",
    "netware",
    "openserver",
    "unixware",
    "os2",
    "vmkernel",
    "eComStation",
)
_LINUX_MARKS = (
    "linux", "rhel", "centos", "debian", "ubuntu", "sles", "suse", "fedora", "mandr", "asianux", "oracle",
    "rocky", "alma", "amazonlinux", "photon", "coreos", "crxpod", "turbolinux", "redhat", "nld9", "oes",
)  # fmt: skip


def os_family(guest_id: str, full_name: str = "") -> OsFamily:
    """Family of a guestId such as `debian12_64Guest` or `windows2019srv_64Guest`.

    full_name (`config.guestFullName`) decides where the id says nothing. `darwin...` contains "win" and is
    not Windows; FreeBSD is not Linux.
    """
    known = _family_of(guest_id.lower().removesuffix("guest"))
    return (
        known if known is not OsFamily.UNKNOWN else _family_of(full_name.lower().removeprefix("microsoft "))
    )


def _family_of(text: str) -> OsFamily:
    if text.startswith(tuple(prefix.lower() for prefix in _OTHER_PREFIXES)):
        return OsFamily.OTHER
    if text.startswith(("win", "dos")):
        return OsFamily.WINDOWS
    return OsFamily.LINUX if any(mark in text for mark in _LINUX_MARKS) else OsFamily.UNKNOWN
