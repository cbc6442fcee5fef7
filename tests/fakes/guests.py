"""Guests in memory: every call is logged, changes nothing on disk, and boots unless told otherwise."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fakes.world import World
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.guest.evidence import EvidenceLevel, Observation, Rehearsal
from v2s_tui.domain.guest.network import NicPlan
from v2s_tui.domain.ports import GuestWork


@dataclass
class FakeGuests:
    """boots_to: the level every rehearsal reaches. initramfs, places: what each adaptation was asked for."""

    world: World
    boots_to: EvidenceLevel = EvidenceLevel.POWER_OFF
    initramfs: list[InitramfsMode] = field(default_factory=list)
    places: list[tuple[int, ...]] = field(default_factory=list)

    def run_virt_v2v(
        self,
        disks: Sequence[Path],
        *,
        scratch: Path,
        on_step: Callable[[str], None],
        cancelled: threading.Event,
    ) -> GuestWork:
        """Logged."""
        return replace(self._work("run_virt_v2v", disks), warnings=("virt-v2v-in-place 2.2.0 converted it",))

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
        """Logged."""
        self.initramfs.append(initramfs)
        self.places.append(tuple(places))
        return self._work("adapt_linux", disks)

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
        """Logged."""
        return self._work("ensure_uefi", disks)

    def clean_tools(self, disks: Sequence[Path], *, cancelled: threading.Event) -> GuestWork:
        """Logged."""
        return self._work("clean_tools", disks, proven=False)

    def inject_virtio(
        self, disks: Sequence[Path], nics: Sequence[NicPlan], *, cancelled: threading.Event
    ) -> GuestWork:
        """Logged."""
        return self._work("inject_virtio", disks, proven=False)

    def fix_bootloader(self, disks: Sequence[Path], *, scratch: Path) -> GuestWork:
        """Logged."""
        return self._work("fix_bootloader", disks, proven=False)

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
        """Reaches boots_to at once."""
        self._work("rehearse", disks)
        seen = tuple(
            Observation(level, 1.0, "seen") for level in EvidenceLevel if 0 <= level <= self.boots_to
        )
        failure = "" if self.boots_to >= required else "(initramfs)"
        return Rehearsal(required, seen, failure, "last line", "", "tcg", "scaleway", 9.0)

    def _work(self, operation: str, disks: Sequence[Path], *, proven: bool = True) -> GuestWork:
        self.world.enter(operation, str(disks[0]))
        self.world.leave(operation, str(disks[0]))
        return GuestWork(proven=proven)
