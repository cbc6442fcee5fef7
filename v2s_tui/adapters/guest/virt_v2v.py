"""virt-v2v-in-place as a backend: it converts the guest on its overlays, besides v2s's own steps.

It aims at a KVM host with virtio-blk: disks behind virtio-scsi, names that survive the move, UEFI, console
and network at Scaleway stay v2s's work (reference: guest.md section 4). Source: virt-v2v-in-place(1).
"""

import json
import os
import shutil
import string
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.domain.errors import Cancelled, ToolError
from v2s_tui.system.processes import pasteable, run_tool

PROGRAM, READER = "virt-v2v-in-place", "nbdkit"
INSTALL = "apt-get install virt-v2v nbdkit"
"""Debian's virt-v2v does not depend on nbdkit, without which it reads no description of a guest."""
LIMIT_SECONDS = 3600.0
"""A Debian takes 2 to 4 minutes under emulation, mostly for its initramfs (reference: guest.md section 4)."""
UNLISTED = "what it changed is not listed by file and not kept in the guest"
_WATCHED = """
trap 'trap "" TERM; (sleep 5; kill -KILL 0) & kill -TERM 0; wait "$program"; kill -KILL 0' TERM
"$@" &
program=$!
wait "$program"
"""
"""Ends the whole process group when we end, however: its qemu-nbd would outlive it and hold the disk. Asked
first, it takes its sockets' folder in /tmp away.
"""
_DATA_FOLDER, DATA_VARIABLE = "/usr/share/virt-tools", "VIRT_TOOLS_DATA_DIR"
_SERVICE_PROGRAMS = ("rhsrvany.exe", "pvvxsvc.exe")
_SERVICE_FIX = (
    f"put rhsrvany.exe (package mingw32-srvany of Fedora) into {_DATA_FOLDER} or where {DATA_VARIABLE} points"
)
_HINTS = (
    ("rhsrvany.exe", _SERVICE_FIX),
    ("unable to mount the disk image for writing", "shut the source down fully: `consistency: cold`"),
    ("nbdkit is not installed", INSTALL),
    ("multi-boot", "it chooses no system among several: guest_backend: v2s for this VM"),
)


@dataclass(frozen=True, slots=True)
class Converted:
    """version: `virt-v2v-in-place 2.2.0`. warnings: its own."""

    version: str
    warnings: tuple[str, ...] = ()


def program_missing() -> str:
    """Why virt-v2v cannot run here, as a phrase; "" when it can."""
    missing = [name for name in (PROGRAM, READER) if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def windows_part_missing() -> str:
    """Why it cannot convert Windows here, "" when it can: it needs a program that Debian does not have."""
    folder = Path(os.environ.get(DATA_VARIABLE) or _DATA_FOLDER)
    if any((folder / name).is_file() for name in _SERVICE_PROGRAMS):
        return ""
    return f"neither {' nor '.join(_SERVICE_PROGRAMS)} is in {folder}"


def version() -> str:
    """Name and version as the program says them. Raises ToolError when it is missing."""
    found = run_tool([_program(), "--version"], timeout_seconds=30, hint=f"{INSTALL}, or guest_backend: v2s")
    return found.stdout.decode("utf-8", "replace").strip()


def run_virt_v2v(
    disks: Sequence[Path],
    settings: ApplianceSettings,
    *,
    virtio_win: Path | None,
    scratch: Path,
    cancelled: threading.Event,
    progress: Callable[[str], None],
    limit_seconds: float = LIMIT_SECONDS,
) -> Converted:
    """Convert the guest; not to be repeated on the same overlays.

    disks: qcow2 overlays, boot disk first. virtio_win: drivers for Windows, ISO or folder. progress: gets
    each of its steps. Raises ToolError with its last words (missing, failed, too slow: its whole process
    group is dead by then), Cancelled.
    """
    said = _Said(progress)
    name = version()
    with TemporaryDirectory(prefix="virt-v2v-", dir=scratch) as folder:
        description = Path(folder) / "domain.xml"
        description.write_bytes(domain_xml(disks))
        argv = command(description)
        try:
            run_tool(
                ["setpriv", "--pdeathsig", "TERM", "--", "sh", "-c", _WATCHED, PROGRAM, *argv],
                env=settings.environment() | _environment(virtio_win, folder),
                cancelled=cancelled,
                timeout_seconds=limit_seconds,
                on_line=said.hear,
            )
        except Cancelled as error:
            raise Cancelled(f"{PROGRAM} was stopped") from error
        except ToolError as error:
            raise said.explained(error, argv) from error
    return Converted(name, tuple(said.warnings))


def command(description: Path) -> list[str]:
    """It says each thing on stderr as a line of JSON, and warnings and errors once more in words."""
    options = ["--machine-readable=stream:stderr", "--root", "single", "-i", "libvirtxml"]
    return [_program(), *options, str(description)]


def _program() -> str:
    return shutil.which(PROGRAM) or PROGRAM


def _environment(virtio_win: Path | None, scratch: str) -> dict[str, str]:
    values = {"VIRT_V2V_TMPDIR": scratch}
    if virtio_win is not None:
        values["VIRTIO_WIN"] = str(virtio_win.absolute())
    if folder := os.environ.get(DATA_VARIABLE):
        values[DATA_VARIABLE] = folder
    return values


def domain_xml(disks: Sequence[Path]) -> bytes:
    """The least libvirt XML that virt-v2v takes, needed where there are several disks."""
    domain = ElementTree.Element("domain", type="kvm")
    for tag, content in (("name", "guest"), ("memory", "1048576"), ("vcpu", "1")):
        ElementTree.SubElement(domain, tag).text = content
    ElementTree.SubElement(ElementTree.SubElement(domain, "os"), "type").text = "hvm"
    devices = ElementTree.SubElement(domain, "devices")
    for disk, letter in zip(disks, string.ascii_lowercase, strict=False):
        element = ElementTree.SubElement(devices, "disk", type="file", device="disk")
        ElementTree.SubElement(element, "driver", name="qemu", type="qcow2")
        ElementTree.SubElement(element, "source", file=str(disk.absolute()))
        ElementTree.SubElement(element, "target", dev=f"sd{letter}", bus="scsi")
    return ElementTree.tostring(domain)


@dataclass
class _Said:
    """What the program says. words: what is no JSON, for its last lines."""

    progress: Callable[[str], None]
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """One line of stderr."""
        kind, message = _message(line)
        if kind == "message":
            self.progress(f"virt-v2v: {message}")
        elif kind == "warning":
            self.warnings.append(message)
        elif kind == "error":
            self.errors.append(message)
        elif not kind:
            self.words.append(line)

    def explained(self, error: ToolError, argv: Sequence[str]) -> ToolError:
        """The failure with the program's own reason, its last words without JSON, and what to do."""
        reason = self.errors[-1].partition("\n")[0].rstrip(".") if self.errors else ""
        said = "\n".join([*self.errors, *self.words])
        known = (hint for sign, hint in _HINTS if sign in said)
        return ToolError(
            f"{PROGRAM}: {reason}" if reason else f"{PROGRAM} {error.title.partition(' ')[2]}",
            command=pasteable(argv),
            exit_code=error.exit_code,
            stderr_tail="\n".join(self.words[-20:]),
            hint=next(known, "read its last lines; `guest_backend: v2s` does without it"),
        )


def _message(line: str) -> tuple[str, str]:
    """Type and text of a line of JSON; ("", "") for any other."""
    try:
        said = json.loads(line)
        return str(said["type"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        return "", ""
