"""The boot rehearsal: adapted disks on a throw-away layer, in a machine like the target, watched for
evidence.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from v2s_tui.adapters.qemu.acceleration import acceleration as probed_acceleration
from v2s_tui.adapters.qemu.console import (
    console_text,
    failure_in,
    host_starved_it,
    menu_waits,
    ran_out_of_memory,
    signs_in,
    tail_of,
)
from v2s_tui.adapters.qemu.firmware import find_firmware
from v2s_tui.adapters.qemu.machine import Machine, running_machine
from v2s_tui.adapters.qemu.profiles import MEMORY_MIB, find_profile
from v2s_tui.adapters.qemu.qmp import QmpClosed
from v2s_tui.domain.errors import Cancelled, ToolError
from v2s_tui.domain.guest.evidence import EvidenceLevel, Observation, Rehearsal

_POLL_SECONDS = 0.3
_WRITTEN_BYTES = 1024**2
_NIC_SECONDS = 30.0
"""How long a guest that has reached its level may still take to bring its NIC up."""
_MAX_RESETS = 3
_POWER_OFF_SECONDS = 60.0
_ENTER = {"type": "qcode", "data": "ret"}
_MOST_BOOTS = 3
"""A starved host may spoil all but the last, which counts whatever it shows."""


@dataclass(slots=True)
class _Watch:
    """What has been seen of one boot so far. last: no other is tried; spoiled: by the host, so it says
    nothing.
    """

    machine: Machine
    last: bool = True
    spoiled: bool = False
    observations: dict[EvidenceLevel, Observation] = field(default_factory=dict)
    failure: str = ""
    ssh: socket.socket | None = None
    agent_asked: float = 0.0
    answered: int = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.machine.started

    @property
    def reached(self) -> EvidenceLevel:
        return max(self.observations, default=EvidenceLevel.NONE)

    def note(self, level: EvidenceLevel, sign: str) -> None:
        if level not in self.observations:
            self.observations[level] = Observation(level, round(self.seconds, 1), sign[:120])


def rehearse_boot(
    disks: Sequence[Path],
    *,
    required: EvidenceLevel,
    timeout_seconds: float,
    folder: Path,
    cancelled: threading.Event,
    profile: str = "scaleway",
    disk_format: str = "qcow2",
    acceleration: str = "",
    source_mac: str = "",
    memory_mib: int = MEMORY_MIB,
    on_level: Callable[[EvidenceLevel], None] = lambda _: None,
) -> Rehearsal:
    """Boot the disks and watch until the required level, a sign of failure, or the timeout; from userspace on
    the NIC is waited for a little, which decides nothing.

    The disks are not changed: the guest writes to a layer that is thrown away. folder: of this VM; the
    screenshot stays there as `rehearsal.png`. disk_format: of every disk, never guessed from their content.
    A boot that fails is a result, not an exception; one that an overloaded host spoiled is tried again.
    Raises Cancelled, ToolError (QEMU itself).
    """
    machine_profile = find_profile(profile)
    engine = acceleration or probed_acceleration()
    for boot in range(1, _MOST_BOOTS + 1):
        starting = running_machine(
            machine_profile,
            disks,
            folder=folder,
            firmware=find_firmware() if machine_profile.uefi else None,
            acceleration=engine,
            disk_format=disk_format,
            source_mac=source_mac,
            memory_mib=memory_mib,
        )
        with starting as machine:
            watch = _Watch(machine, last=boot == _MOST_BOOTS)
            _watch(watch, required, timeout_seconds, cancelled, on_level)
            found = _result(watch, required, folder, engine=engine, profile=profile, boots=boot)
        if found.passed or not watch.spoiled:
            break
    return found


def _result(
    watch: _Watch, required: EvidenceLevel, folder: Path, *, engine: str, profile: str, boots: int
) -> Rehearsal:
    """What has been seen, with the last of console and screen; the machine still stands."""
    machine, picture = watch.machine, folder / "rehearsal.png"
    taken = machine.screenshot(picture) if machine.process.poll() is None else False
    text = console_text(machine.serial_bytes())
    short = "; it ran out of memory, give it more: conversion.rehearsal_memory_mib"
    return Rehearsal(
        required=required,
        observations=tuple(watch.observations[level] for level in sorted(watch.observations)),
        failure=watch.failure + (short if watch.failure and ran_out_of_memory(text) else ""),
        serial_tail=tail_of(text),
        screenshot=str(picture) if taken else "",
        acceleration=engine,
        profile=profile,
        duration_seconds=round(watch.seconds, 1),
        boots=boots,
    )


def _watch(
    watch: _Watch,
    required: EvidenceLevel,
    timeout_seconds: float,
    cancelled: threading.Event,
    on_level: Callable[[EvidenceLevel], None],
) -> None:
    in_userspace = min(required, EvidenceLevel.USERSPACE)
    seen, done_at = EvidenceLevel.NONE, 0.0
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: watch.ssh.close() if watch.ssh else None)
        while not (watch.failure or watch.spoiled):
            if cancelled.wait(_POLL_SECONDS):
                raise Cancelled("the boot rehearsal was stopped")
            _look(watch)
            if watch.reached > seen:
                seen = watch.reached
                on_level(seen)
            if watch.reached >= in_userspace:
                done_at = done_at or watch.seconds
                late = watch.seconds > min(done_at + _NIC_SECONDS, timeout_seconds)
                if late or required < EvidenceLevel.NETWORK or EvidenceLevel.NETWORK in watch.observations:
                    if required > watch.reached:
                        _switch_off(watch, cancelled)
                    return
                continue
            if watch.seconds > timeout_seconds:
                watch.failure = f"level {required.label} was not reached within {timeout_seconds:.0f} s"


def _look(watch: _Watch) -> None:
    """One round of observation; a level that is reached counts even when a sign of failure follows."""
    text = console_text(watch.machine.serial_bytes())
    for level, sign in signs_in(text).items():
        watch.note(level, sign)
    try:
        _look_at_devices(watch)
        _answer_menu(watch, text)
    except QmpClosed:
        watch.failure = watch.failure or "the machine switched itself off"
        return
    if watch.reached >= EvidenceLevel.KERNEL:
        _look_for_agent(watch)
    if EvidenceLevel.NETWORK in watch.observations:
        _look_for_ssh(watch)
    watch.failure = watch.failure or failure_in(text)
    watch.spoiled = not watch.last and host_starved_it(text)


def _look_at_devices(watch: _Watch) -> None:
    qmp = watch.machine.qmp
    status = qmp.command("query-status")["status"]
    if status in {"internal-error", "guest-panicked", "io-error"}:
        watch.failure = f"the machine stopped: {status}"
        return
    written = sum(_written(each) for each in qmp.command("query-blockstats"))
    if written > _WRITTEN_BYTES:
        watch.note(EvidenceLevel.ROOT_WRITTEN, f"{written // 1024} KiB written to the disks")
    for state in qmp.command("query-rx-filter") if watch.reached >= EvidenceLevel.FIRMWARE else ():
        if not state["promiscuous"] and state["multicast-table"]:
            watch.note(EvidenceLevel.NETWORK, f"the NIC listens to {', '.join(state['multicast-table'][:2])}")
    resets = sum(name == "RESET" and data.get("guest", False) for name, data in qmp.events)
    if resets > _MAX_RESETS:
        watch.failure = "the guest resets again and again"


def _answer_menu(watch: _Watch, text: str) -> None:
    """Enter, once for each number that a boot menu counts down: it boots what it would boot by itself.

    GRUB's clock runs several times too slow under emulation, so a menu of five seconds takes half a minute.
    """
    if menu_waits(text) and len(text) != watch.answered:
        watch.answered = len(text)
        watch.machine.qmp.command("send-key", keys=[_ENTER])


def _written(statistics: dict[str, Any]) -> int:
    """Bytes the guest wrote to a disk; the firmware's variables are no disk."""
    if not statistics.get("qdev", "").startswith("/machine/peripheral") and "disk" not in statistics.get(
        "device", ""
    ):
        return 0
    return int(statistics["stats"]["wr_bytes"])


def _look_for_ssh(watch: _Watch) -> None:
    """One connection at a time, never waited for: QEMU accepts at once, the guest's banner comes when it
    can.
    """
    if watch.ssh is None:
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", watch.machine.ssh_port))
        watch.ssh = connection
        return
    try:
        banner = watch.ssh.recv(200)
    except BlockingIOError:
        return
    except OSError:
        banner = b""
    if banner.startswith(b"SSH-"):
        watch.note(EvidenceLevel.USERSPACE, banner.decode("ascii", "replace").strip())
    watch.ssh.close()
    watch.ssh = None


def _look_for_agent(watch: _Watch) -> None:
    """Ask the guest agent every few seconds; most guests have none and never answer."""
    agent = watch.machine.agent
    agent.setblocking(False)
    with contextlib.suppress(BlockingIOError, OSError):
        if watch.seconds - watch.agent_asked > 3:
            watch.agent_asked = watch.seconds
            agent.send(json.dumps({"execute": "guest-ping"}).encode() + b"\n")
        if b'"return"' in agent.recv(4096):
            watch.note(EvidenceLevel.USERSPACE, "the guest agent answered")


def _switch_off(watch: _Watch, cancelled: threading.Event) -> None:
    """Press the power button and wait; a guest that ignores it has not failed, it has not this level."""
    deadline = time.monotonic() + _POWER_OFF_SECONDS
    try:
        watch.machine.qmp.command("system_powerdown")
        while time.monotonic() < deadline:
            if cancelled.wait(_POLL_SECONDS):
                raise Cancelled("the boot rehearsal was stopped")
            watch.machine.qmp.poll()
            if any(name == "SHUTDOWN" and data.get("guest") for name, data in watch.machine.qmp.events):
                watch.note(EvidenceLevel.POWER_OFF, "the guest switched itself off")
                return
    except QmpClosed:
        watch.note(EvidenceLevel.POWER_OFF, "the guest switched itself off")
    except ToolError as error:
        watch.failure = error.title
