"""A running QEMU: started with sockets it inherits, in a process group of its own, ended with everything
it has.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.adapters.qemu.firmware import Firmware
from v2s_tui.adapters.qemu.profiles import MEMORY_MIB, QEMU, Profile, Wiring, machine_argv
from v2s_tui.adapters.qemu.qmp import Qmp, QmpClosed
from v2s_tui.domain.errors import ToolError
from v2s_tui.system.processes import pasteable, tool_environment

_NO_ESCAPES = 64 * 1024


@dataclass(slots=True)
class Machine:
    """What a rehearsal watches. started: monotonic seconds."""

    process: subprocess.Popen[bytes]
    qmp: Qmp
    agent: socket.socket
    ssh_port: int
    serial: Path
    errors: Path
    started: float

    def serial_bytes(self) -> bytes:
        """The console so far; only its last part when a guest floods it."""
        with contextlib.suppress(FileNotFoundError), self.serial.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4 * _NO_ESCAPES))
            return file.read()
        return b""

    def screenshot(self, target: Path) -> bool:
        """Write the screen as PNG; False when QEMU does not answer any more."""
        try:
            self.qmp.command("screendump", filename=str(target), format="png")
        except (QmpClosed, ToolError):
            return False
        return target.exists()


@contextmanager
def running_machine(
    profile: Profile,
    disks: Sequence[Path],
    *,
    folder: Path,
    firmware: Firmware | None,
    acceleration: str,
    disk_format: str,
    source_mac: str = "",
    memory_mib: int = MEMORY_MIB,
) -> Iterator[Machine]:
    """Start the machine and end it in any case. folder: for its throw-away layers, which are gone afterwards.

    Raises ToolError when QEMU does not start.
    """
    with TemporaryDirectory(dir=folder, prefix="machine-") as scratch, contextlib.ExitStack() as stack:
        variables = _own_variables(firmware, Path(scratch)) if profile.uefi else None
        qmp_here, qmp_there = _pair(stack)
        agent_here, agent_there = _pair(stack)
        serial = Path(scratch, "serial.log")
        wiring = Wiring(qmp_there.fileno(), agent_there.fileno(), _free_port(), serial, variables)
        argv = machine_argv(
            profile,
            disks,
            wiring=wiring,
            firmware=firmware,
            acceleration=acceleration,
            disk_format=disk_format,
            source_mac=source_mac,
            memory_mib=memory_mib,
        )
        errors = Path(scratch, "stderr")
        process = _spawn(argv, Path(scratch), errors, (qmp_there.fileno(), agent_there.fileno()))
        stack.callback(_end, process)
        qmp_there.close()
        agent_there.close()
        machine = Machine(
            process, Qmp(qmp_here), agent_here, wiring.ssh_port, serial, errors, time.monotonic()
        )
        _greet(machine, argv)
        yield machine


def _own_variables(firmware: Firmware | None, scratch: Path) -> Path | None:
    if firmware is None:
        return None
    target = scratch / "variables.fd"
    shutil.copyfile(firmware.variables, target)
    return target


def _pair(stack: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    stack.callback(here.close)
    stack.callback(there.close)
    return here, there


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _spawn(
    argv: list[str], scratch: Path, errors: Path, inherited: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """With the death of the thread that started it the machine dies too, even when nobody can clean up."""
    guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    try:
        with errors.open("wb") as stderr:
            return subprocess.Popen(
                [*guard, *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=tool_environment({"TMPDIR": str(scratch)}),
                pass_fds=inherited,
                start_new_session=True,
            )
    except OSError as error:
        raise ToolError(
            f"{QEMU} cannot be started ({error.strerror})",
            command=pasteable(argv),
            exit_code=None,
            stderr_tail="",
            hint="install the package qemu-system-x86",
        ) from error


def _greet(machine: Machine, argv: list[str]) -> None:
    try:
        machine.qmp.greet()
    except (QmpClosed, ToolError) as error:
        tail = machine.errors.read_text("utf-8", "replace").strip()
        raise ToolError(
            f"{QEMU} did not start: {tail.splitlines()[-1] if tail else 'no message'}",
            command=pasteable(argv),
            exit_code=machine.process.poll(),
            stderr_tail=tail,
            hint="install the package qemu-system-x86" if "not found" in tail else "",
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing in a throw-away machine is worth a clean end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
