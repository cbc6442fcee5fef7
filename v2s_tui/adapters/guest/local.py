"""Guest work on this host: the appliance is set up once, each VM gets a worker of its own."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from v2s_tui.adapters.guest.adapt import AdaptRequest, AdaptResult, adapt_linux
from v2s_tui.adapters.guest.appliance import ApplianceSettings, prepare_appliance
from v2s_tui.adapters.guest.uefi import ensure_uefi
from v2s_tui.adapters.guest.virt_v2v import UNLISTED, run_virt_v2v
from v2s_tui.adapters.guest.windows.adapt import (
    WindowsResult,
    clean_tools,
    fix_bootloader,
    inject_virtio,
)
from v2s_tui.adapters.qemu.profiles import MEMORY_MIB
from v2s_tui.adapters.qemu.rehearsal import rehearse_boot
from v2s_tui.domain.errors import ConfigError
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal
from v2s_tui.domain.guest.network import ONE_DHCP_NIC, NicPlan
from v2s_tui.domain.ports import GuestWork


@dataclass(frozen=True, slots=True)
class GuestSettings:
    """cache: where the appliance's kernel is kept. virtio_win: ISO or folder of drivers, None without.
    rehearsal_memory_mib: of a machine that boots a guest here.
    """

    cache: Path
    virtio_win: Path | None = None
    rehearsal_memory_mib: int = MEMORY_MIB


class LocalGuests:
    """Implements `Guests`. Safe to share between threads; two VMs never share a device or a file."""

    def __init__(self, settings: GuestSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._appliance: ApplianceSettings | None = None
        self._adapted: dict[Path, AdaptResult] = {}

    def _prepared(self) -> ApplianceSettings:
        with self._lock:
            if self._appliance is None:
                self._appliance = prepare_appliance(self._settings.cache)
            return self._appliance

    def run_virt_v2v(
        self,
        disks: Sequence[Path],
        *,
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """virt-v2v-in-place of this host, with the operator's drivers for Windows."""
        done = run_virt_v2v(
            disks,
            self._prepared(),
            virtio_win=self._settings.virtio_win,
            scratch=scratch,
            cancelled=cancelled,
            progress=on_step,
        )
        return GuestWork(warnings=(f"{done.version} converted it; {UNLISTED}", *done.warnings))

    def adapt_linux(
        self,
        disks: Sequence[Path],
        nics: Sequence[NicPlan],
        *,
        places: Sequence[int] = (),
        initramfs: InitramfsMode = InitramfsMode.OVERLAY,
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """Everything in the guest's own files."""
        result = adapt_linux(
            disks,
            replace(_request(nics), initramfs=initramfs, places=tuple(places)),
            self._prepared(),
            scratch=scratch,
            cancelled=cancelled,
            progress=on_step,
        )
        self._adapted[disks[0]] = result
        return GuestWork(result.records, result.warnings)

    def ensure_uefi(
        self,
        disks: Sequence[Path],
        nics: Sequence[NicPlan],
        *,
        places: Sequence[int] = (),
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """ESP and boot loader.

        After a restart of the runner what adapt_linux found is found again; it changes nothing by then.
        """
        if disks[0] not in self._adapted:
            self.adapt_linux(
                disks, nics, places=places, scratch=scratch, on_step=on_step, cancelled=cancelled
            )
        adapted = self._adapted.pop(disks[0])
        result = ensure_uefi(disks, adapted, _request(nics), scratch=scratch, progress=on_step)
        return GuestWork(warnings=result.warnings)

    def clean_tools(self, disks: Sequence[Path], *, cancelled: threading.Event) -> GuestWork:
        """VMware's services disabled."""
        return _windows_work(clean_tools(disks, self._prepared(), cancelled=cancelled))

    def inject_virtio(
        self, disks: Sequence[Path], nics: Sequence[NicPlan], *, cancelled: threading.Event
    ) -> GuestWork:
        """The operator's drivers. Raises ConfigError when there are none."""
        drivers = self._settings.virtio_win
        if drivers is None:
            raise ConfigError(
                "conversion.virtio_win_iso is not set, so Windows gets no virtio drivers",
                hint="name the virtio-win ISO or its unpacked folder in migration.yaml",
            )
        done = inject_virtio(disks, drivers, self._prepared(), nics=nics or ONE_DHCP_NIC, cancelled=cancelled)
        return _windows_work(done)

    def fix_bootloader(self, disks: Sequence[Path], *, scratch: Path) -> GuestWork:
        """Windows' own boot manager on the removable path."""
        return GuestWork(warnings=fix_bootloader(disks, scratch=scratch).warnings, proven=False)

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
        """Boot the disks on a throw-away layer."""
        return rehearse_boot(
            disks,
            required=required,
            timeout_seconds=timeout_seconds,
            folder=folder,
            source_mac=source_mac,
            memory_mib=self._settings.rehearsal_memory_mib,
            on_level=on_level,
            cancelled=cancelled,
        )


def _request(nics: Sequence[NicPlan]) -> AdaptRequest:
    return AdaptRequest(nics=tuple(nics)) if nics else AdaptRequest()


def _windows_work(result: WindowsResult) -> GuestWork:
    return GuestWork(result.records, result.warnings, proven=result.proven)
