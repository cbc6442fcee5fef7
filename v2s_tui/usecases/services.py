"""What the use cases work with: settings and the doors to the world, each opened when it is first used.

Ports are named for the type checker only: what stands behind them comes with whoever opens a door.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from v2s_tui.config.settings import Settings

if TYPE_CHECKING:
    from v2s_tui.domain.ports import Clock, Cloud, Disks, Guests, ObjectStore, Prober, Source
    from v2s_tui.domain.target.instance_types import Catalogue
    from v2s_tui.domain.target.sizing import MeasuredUse

Door = TypeVar("Door")


class Lazy(Generic[Door]):
    """A door opened at most once, whichever thread asks first. Opening may raise; the next call tries
    again.
    """

    def __init__(self, opened_by: Callable[[], Door]) -> None:
        self._opened_by = opened_by
        self._lock = threading.Lock()
        self._door: Door | None = None

    def __call__(self) -> Door:
        with self._lock:
            if self._door is None:
                self._door = self._opened_by()
            return self._door

    @property
    def opened(self) -> Door | None:
        """The door where it is open already."""
        return self._door


@dataclass(frozen=True)
class Services:
    """Everything a use case may use. Built by bootstrap.py; tests build it from fakes.

    catalogues: by zone, measured: by VM moref (None: no statistics); kept once they were asked.
    """

    settings: Settings
    clock: "Clock"
    source: "Lazy[Source]"
    cloud: "Lazy[Cloud]"
    objects: "Lazy[ObjectStore]"
    disks: "Lazy[Disks]"
    guests: "Lazy[Guests]"
    prober: "Lazy[Prober] | None" = None
    catalogues: "dict[str, Catalogue]" = field(default_factory=dict)
    measured: "dict[str, MeasuredUse | None]" = field(default_factory=dict)

    @property
    def work_dir(self) -> Path:
        """Where everything local is kept."""
        return self.settings.conversion.work_dir

    @property
    def state_dir(self) -> Path:
        """Where batch states are: `{work_dir}/batch-state`."""
        return self.work_dir / "batch-state"

    def close(self) -> None:
        """Log out of what is open and let go of connections; never raises."""
        for door in (self.source, self.cloud, self.objects):
            if (opened := door.opened) is not None:
                opened.close()
