"""Power of one VM. The source's power is touched only where the plan says so; nothing here decides that."""

from collections.abc import Callable
from typing import Any

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.faults import VimFault
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.rows import power_state_of
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.tasks import Tasks
from v2s_tui.adapters.vsphere.values import Ref
from v2s_tui.adapters.vsphere.waiting import Waiting
from v2s_tui.domain.errors import SourceError
from v2s_tui.domain.source.vm import PowerState

_POLL_SECONDS = 0.5
_ALREADY = "InvalidPowerState"
_NO_TOOLS = "ToolsUnavailable"


class Power:
    """Power work of one session."""

    def __init__(self, session: Session, retriever: Retriever, tasks: Tasks, waiting: Waiting) -> None:
        self._session = session
        self._retriever = retriever
        self._tasks = tasks
        self._waiting = waiting

    def state(self, vm: str) -> PowerState:
        """Power state now."""
        path = "runtime.powerState"
        props = self._retriever.read(f"Power state of {vm}", Ref("VirtualMachine", vm), path)
        return power_state_of(props.get(path))

    def on(self, vm: str) -> None:
        """Power on; succeeds when it is on already."""
        machine = self._session.managed("VirtualMachine", vm)
        self._reach(f"Power-on of {vm}", vm, PowerState.ON, machine.PowerOnVM_Task)

    def off(self, vm: str) -> None:
        """Power off hard; succeeds when it is off already."""
        machine = self._session.managed("VirtualMachine", vm)
        self._reach(f"Power-off of {vm}", vm, PowerState.OFF, machine.PowerOffVM_Task)

    def shut_down(
        self, vm: str, *, timeout_seconds: float, hard_after_timeout: bool, asked_before: bool
    ) -> None:
        """Ask the guest and wait; then power off hard where allowed, else SourceError.

        A guest that cannot be asked is not waited for, unless it was asked before: Tools end before the guest
        does.
        """
        if self.state(vm) is PowerState.OFF:
            return
        reason = self._ask_guest(vm)
        if asked_before or not reason:
            reason = self._wait_for_off(vm, timeout_seconds)
        if not reason:
            return
        if not hard_after_timeout:
            raise SourceError(
                f"Shutdown of {vm}: {reason}",
                hint="Shut the guest down by hand, or allow hard power-off in the plan, then retry",
            )
        self.off(vm)

    def _ask_guest(self, vm: str) -> str:
        """Why the guest could not be asked, "" when it was."""
        machine = self._session.managed("VirtualMachine", vm)
        try:
            self._session.attempt(machine.ShutdownGuest, repeatable=True)
        except VimFault as fault:
            if fault.kind == _NO_TOOLS:
                return "VMware Tools is not running in the guest"
            if fault.kind != _ALREADY:
                raise faults.error_of(fault, f"Shutdown of {vm}") from fault
        return ""

    def _wait_for_off(self, vm: str, timeout_seconds: float) -> str:
        """Why the VM is not off, "" when it is."""
        off = self._waiting.until(
            lambda: self.state(vm) is PowerState.OFF or None,
            what="the source's guest shuts down",
            limit_seconds=timeout_seconds,
            first_pause=_POLL_SECONDS,
        )
        return "" if off else f"the guest was still running after {timeout_seconds:.0f} seconds"

    def _reach(self, doing: str, vm: str, wanted: PowerState, start: Callable[[], Any]) -> None:
        if self.state(vm) is wanted:
            return
        try:
            self._tasks.attempt(doing, start, repeatable=True)
        except VimFault as fault:
            if fault.kind != _ALREADY or self.state(vm) is not wanted:
                raise faults.error_of(fault, doing) from fault
