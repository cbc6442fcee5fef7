"""Start a runner of its own for a batch: it outlives this process and the terminal."""

import sys
from pathlib import Path

from v2s_tui.engine.runner import start_detached
from v2s_tui.engine.settings import GateMode
from v2s_tui.usecases.runner_log import log_path
from v2s_tui.usecases.services import Services


def start_runner(
    services: Services,
    batch_id: str,
    gates: GateMode,
    *,
    retry_failed: bool = False,
    report: Path | None = None,
    events: str | None = None,
) -> Path:
    """Run the batch in the background; returns the log's path. Raises ToolError when it cannot start.

    report, events: files that the runner writes in the end, and as it goes.
    """
    log = log_path(services, batch_id)
    source = services.settings.source
    argv = [sys.executable, "-m", "v2s_tui.cli.main"]
    argv += ["--config", str(source)] if source else []
    argv += ["batch", "resume", "--batch-id", batch_id, "--gates", gates.value]
    argv += [] if retry_failed else ["--keep-failed"]
    argv += ["--report", str(report.absolute())] if report else []
    argv += ["--events", str(Path(events).absolute())] if events else []
    start_detached(argv, log)
    return log
