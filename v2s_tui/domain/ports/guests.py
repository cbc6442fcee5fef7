"""Work inside guests as stages see it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from v2s_tui.domain.guest.changes import ChangeRecord, InitramfsMode
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal
from v2s_tui.domain.guest.network import NicPlan


@dataclass(frozen=True, slots=True)
class GuestWork:
    """What one guest stage did. records: every file changed, with where its previous version is saved.

    warnings: what an operator should know. proven: False where nothing here can show that it boots.
    """

    records: tuple[ChangeRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    proven: bool = True


class Guests(Protocol):
    """Work inside guests, on qcow2 overlays with the boot disk first.

    on_step gets one line for each step. A repeated call finds its work done and changes nothing. Errors:
    GuestRefused, InputError (drivers), ToolError, Cancelled.
    """

    def run_virt_v2v(
        self,
        disks: Sequence[Path],
        *,
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """The guest converted by virt-v2v; the one call that must not be repeated on the same overlays."""
        ...

    def adapt_linux(
        self,
        disks: Sequence[Path],
        nics: Sequence[NicPlan],
        *,
        places: Sequence[int],
        initramfs: InitramfsMode,
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """Drivers, device names, network, console, VMware tools: everything in the guest's own files.

        places: where each disk stood among all of the source VM, which may keep some; boot disk 0.
        """
        ...

    def ensure_uefi(
        self,
        disks: Sequence[Path],
        nics: Sequence[NicPlan],
        *,
        places: Sequence[int],
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """An ESP with a boot loader on the removable path, the partition table converted where needed."""
        ...

    def clean_tools(self, disks: Sequence[Path], *, cancelled: threading.Event) -> GuestWork:
        """Windows: VMware's services disabled."""
        ...

    def inject_virtio(
        self, disks: Sequence[Path], nics: Sequence[NicPlan], *, cancelled: threading.Event
    ) -> GuestWork:
        """Windows: the operator's virtio drivers, serial console, and a script for the first boot."""
        ...

    def fix_bootloader(self, disks: Sequence[Path], *, scratch: Path) -> GuestWork:
        """Windows: its boot manager on the removable path of its ESP."""
        ...

    def rehearse(
        self,
        disks: Sequence[Path],
        *,
        required: EvidenceLevel,
        timeout_seconds: float,
        folder: Path,
        source_mac: str,
        on_level: Callable[[EvidenceLevel], None],
        cancelled: threading.Event,
    ) -> Rehearsal:
        """Boot the disks on a throw-away layer; a boot that fails is a result, not an error."""
        ...
