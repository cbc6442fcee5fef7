"""All booted Instances of a lab, in the care of one thread: started, watched, switched off.

One thread, because a machine dies with the thread that started it: a killed lab leaves no QEMU behind.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from v2s_tui.lab.machines.acceleration import choose_acceleration
from v2s_tui.lab.machines.machine import MEMORY_MIB, BootedMachine, MachineError, MachineOrder

_LOOK_SECONDS = 0.25
_POWER_OFF_SECONDS = 8.0
_OVERHEAD_MIB = 64
_LEFT_MIB = 1024
_MOST = 32
_LOG = logging.getLogger(__name__)

OnState = Callable[[str, str, str], None]
"""Called with the id of a server, its new state and a detail."""


@dataclass(slots=True)
class _Kept:
    """A machine, and by when it shall be off, in which state (None: it shall run)."""

    machine: BootedMachine
    deadline: float | None = None
    final_state: str = "stopped"


@dataclass(slots=True)
class Machines:
    """Orders may be given by any thread; they are carried out soon, and on_state tells of it.

    limit: of machines at once. on_state: called by the keeping thread.
    """

    on_state: OnState
    limit: int
    _orders: queue.Queue[Callable[[], None] | None] = field(default_factory=queue.Queue)
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)
    _acceleration: str = "tcg"
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to keep."""
        self._thread = threading.Thread(target=self._keep, name="machines", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all machines at once."""
        self._orders.put(None)
        if self._thread is not None:
            self._thread.join(30)

    def has_room(self) -> bool:
        """Whether one more machine may be ordered."""
        return len(self._wanted) < self.limit

    def power_on(self, order: MachineOrder) -> None:
        """Boot it; `running` as soon as QEMU runs, `stopped` with the reason when it does not."""
        self._wanted.add(order.server_id)
        self._orders.put(lambda: self._boot(order))

    def power_off(self, server_id: str, *, final_state: str) -> None:
        """Press the power button; a guest that does not obey is cut off."""
        self._orders.put(lambda: self._switch_off(server_id, final_state))

    def reset(self, server_id: str) -> None:
        """Start the guest anew."""
        self._orders.put(lambda: self._reset(server_id))

    def forget(self, server_id: str) -> None:
        """End it without a word: its Instance is gone."""
        self._orders.put(lambda: self._drop(server_id))

    def _keep(self) -> None:
        self._acceleration = choose_acceleration()
        while True:
            try:
                order = self._orders.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                self._look()
                continue
            if order is None:
                break
            order()
        for server_id in list(self._kept):
            self._drop(server_id)

    def _boot(self, order: MachineOrder) -> None:
        try:
            self._kept[order.server_id] = _Kept(BootedMachine(order, acceleration=self._acceleration))
        except (MachineError, OSError) as err:
            _LOG.warning("Instance %s cannot be booted: %s", order.server_id, err)
            self._wanted.discard(order.server_id)
            self.on_state(order.server_id, "stopped", f"the lab cannot boot it: {err}")
            return
        self.on_state(order.server_id, "running", "booting kernel")

    def _switch_off(self, server_id: str, final_state: str) -> None:
        kept = self._kept.get(server_id)
        if kept is None:
            self.on_state(server_id, final_state, "")
            return
        kept.deadline, kept.final_state = time.monotonic() + _POWER_OFF_SECONDS, final_state
        kept.machine.press_power_button()

    def _reset(self, server_id: str) -> None:
        kept = self._kept.get(server_id)
        if kept is not None:
            kept.machine.reset()
        self.on_state(server_id, "running", "booting kernel")

    def _drop(self, server_id: str) -> None:
        self._wanted.discard(server_id)
        if kept := self._kept.pop(server_id, None):
            kept.machine.end()

    def _look(self) -> None:
        for server_id, kept in list(self._kept.items()):
            overdue = kept.deadline is not None and time.monotonic() > kept.deadline
            if overdue or not kept.machine.look():
                self._drop(server_id)
                self.on_state(server_id, kept.final_state, "")


def machines_that_fit() -> int:
    """How many machines the free memory of this host holds, with a gigabyte left for others; at least one."""
    text = Path("/proc/meminfo").read_text()
    line = next(line for line in text.splitlines() if line.startswith("MemAvailable"))
    available_mib = int(line.split()[1]) // 1024
    return max(1, min(_MOST, (available_mib - _LEFT_MIB) // (MEMORY_MIB + _OVERHEAD_MIB)))
