"""One booted Instance: QEMU with UEFI, disks behind virtio-scsi as vendor SCW, a virtio NIC in slot 2.

Source of the hardware: reference guest.md section 5. The disks are written to copy-on-write layers beside the
volumes' content, which stays as it was imported.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.lab.machines.doors import PORTS, Doors
from v2s_tui.lab.machines.monitor import Monitor, MonitorClosed
from v2s_tui.lab.machines.starvation import Starvation

QEMU = "qemu-system-x86_64"
MEMORY_MIB = 256
_FIRMWARE = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
)


class MachineError(RuntimeError):
    """The machine cannot be started."""


@dataclass(frozen=True, slots=True)
class MachineOrder:
    """What to boot. volumes: raw files in the order of the Instance. folder: for its console and variables.

    address: loopback address of its open ports ("" none). mac: of its public NIC.
    """

    server_id: str
    volumes: tuple[Path, ...]
    folder: Path
    address: str
    mac: str


def layer_of(volume: Path) -> Path:
    """Where what a booted guest wrote to a volume lies."""
    return volume.with_suffix(".layer.qcow2")


def find_firmware() -> tuple[Path, Path]:
    """UEFI code and the template of its variables. Raises MachineError."""
    for code, variables in _FIRMWARE:
        if Path(code).exists() and Path(variables).exists():
            return Path(code), Path(variables)
    raise MachineError("no UEFI firmware for QEMU (Debian package ovmf)")


def require_tools() -> None:
    """Raises MachineError when a machine could not be started here."""
    for tool, package in ((QEMU, "qemu-system-x86"), ("qemu-img", "qemu-utils")):
        if shutil.which(tool) is None:
            raise MachineError(f"{tool} is not installed (Debian package {package})")
    find_firmware()


class BootedMachine:
    """A QEMU that runs. Belongs to the thread that made it, and dies with that thread."""

    def __init__(self, order: MachineOrder, *, acceleration: str) -> None:
        self.order = order
        order.folder.mkdir(parents=True, exist_ok=True)
        here, there = socket.socketpair()
        with there:
            self._process = _spawn(_argv(order, there.fileno(), acceleration), order.folder, there.fileno())
        self._monitor = Monitor(here)
        self._doors = Doors(order.address)
        self._starvation = Starvation(self.console)
        try:
            self._monitor.greet()
        except MonitorClosed as err:
            self.end()
            words = (order.folder / "qemu.log").read_text("utf-8", "replace").strip()
            raise MachineError(words.splitlines()[-1] if words else str(err)) from err

    @property
    def console(self) -> Path:
        """What the guest wrote to its serial port."""
        return self.order.folder / "serial.log"

    @property
    def opened(self) -> frozenset[int]:
        """Ports that the guest answers on."""
        return frozenset(self._doors.opened)

    def look(self) -> bool:
        """Whether it still runs; ports that have begun to answer are opened, a starved guest starts anew."""
        if self._process.poll() is not None:
            return False
        if self._starvation.calls_for_reset():
            self.reset()
        try:
            self._doors.look(self._monitor)
        except MonitorClosed:
            return False
        return True

    def is_running(self) -> bool:
        """Whether the guest's processor runs: KVM that does not work stops it at once."""
        try:
            return bool(self._monitor.command("query-status")["status"] == "running")
        except MonitorClosed:
            return False

    def press_power_button(self) -> None:
        """Ask the guest to switch itself off."""
        self._tell("system_powerdown")

    def reset(self) -> None:
        """Start it anew."""
        self._tell("system_reset")

    def _tell(self, command: str) -> None:
        try:
            self._monitor.command(command)
        except MonitorClosed:
            self.end()

    def end(self) -> None:
        """End it at once. Safe to call twice."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._doors.close()
        self._monitor.close()


def _spawn(argv: list[str], folder: Path, inherited: int) -> subprocess.Popen[bytes]:
    guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    try:
        with (folder / "qemu.log").open("wb") as errors:
            return subprocess.Popen(
                [*guard, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                pass_fds=(inherited,), start_new_session=True,
            )  # fmt: skip
    except OSError as err:
        raise MachineError(f"{QEMU} cannot be started: {err.strerror}") from err


def _argv(order: MachineOrder, monitor: int, acceleration: str) -> list[str]:
    code, template = find_firmware()
    variables = order.folder / "variables.fd"
    if not variables.exists():
        shutil.copyfile(template, variables)
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:0-:{port}" for port in PORTS)
    return [
        QEMU, "-name", f"v2s-lab-{order.server_id}", "-nodefaults", "-no-user-config", "-display", "none",
        "-vga", "none", "-device", "VGA,addr=0x4", "-machine", "pc", "-accel", acceleration,
        "-cpu", "host" if acceleration == "kvm" else "max", "-m", str(MEMORY_MIB), "-boot", "menu=off",
        "-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control",
        "-serial", f"file:{_escaped(order.folder / 'serial.log')}",
        "-drive", f"if=pflash,format=raw,readonly=on,file={code}",
        "-drive", f"if=pflash,format=raw,file={_escaped(variables)}",
        "-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0,addr=0x7",
        "-netdev", f"user,id=net0,restrict=on{forwards}",
        "-device", f"virtio-net-pci,netdev=net0,addr=0x2,romfile=,mac={order.mac}",
        "-device", "virtio-scsi-pci,id=scsi0,addr=0x5", *_disks(order.volumes),
    ]  # fmt: skip


def _disks(volumes: Sequence[Path]) -> list[str]:
    argv: list[str] = []
    for index, volume in enumerate(volumes):
        boot = ",bootindex=0" if index == 0 else ""
        device = f"scsi-hd,bus=scsi0.0,scsi-id={index + 1},vendor=SCW,product=sbs,serial=volume-{index}"
        layer = _escaped(_layer(volume))
        argv += ["-drive", f"id=disk{index},if=none,format=qcow2,cache=unsafe,file={layer}"]
        argv += ["-device", f"{device},drive=disk{index}{boot}"]
    return argv


def _layer(volume: Path) -> Path:
    """The layer of a volume, made at its first boot."""
    layer = layer_of(volume)
    if not layer.exists():
        argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(volume), str(layer)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise MachineError(f"qemu-img: {done.stderr.strip()[-200:]}")
    return layer


def _escaped(path: Path) -> str:
    """A comma ends an option's value in QEMU; two commas stand for one."""
    return str(path).replace(",", ",,")


def works(acceleration: str, folder: Path, *, seconds: float) -> bool:
    """Whether a machine without disks gets as far as its firmware's first words."""
    try:
        machine = BootedMachine(
            MachineOrder("probe", (), folder, "", "de:00:00:00:00:01"), acceleration=acceleration
        )
    except MachineError:
        return False
    try:
        deadline = time.monotonic() + seconds
        while machine.is_running() and time.monotonic() < deadline:
            if machine.console.exists() and machine.console.stat().st_size:
                return True
            time.sleep(0.1)
        return False
    finally:
        machine.end()
