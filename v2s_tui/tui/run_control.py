"""The batch on the Run screen: watching it, telling its runner, starting and resuming runners."""

from pathlib import Path
from typing import TYPE_CHECKING

from v2s_tui.domain.execution.snapshot import BatchSnapshot

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp


class RunControl:
    """Holds the connection to one runner at a time."""

    def __init__(self, app: "V2sApp", config_path: Path | None) -> None:
        self._app = app
        self._config_path = config_path
        self.snapshot: BatchSnapshot | None = None

    def leave(self) -> None: ...
    def ask_to_start(self) -> None: ...
    def watch(self, batch_id: str) -> None: ...
    def resume(self, batch_id: str) -> None: ...
    def command(self, name: str, **values: object) -> None: ...
