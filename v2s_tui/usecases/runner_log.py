"""The last lines a detached runner wrote, of the whole batch or of one VM."""

import re
from pathlib import Path

from v2s_tui.usecases.services import Services

_TAIL_BYTES = 256 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STAMP = re.compile(r"^(?:\d\d:\d\d:\d\d )?\s*")


def log_path(services: Services, batch_id: str) -> Path:
    """Where a detached runner of that batch writes what it does."""
    return services.state_dir / f"runner-{batch_id}.log"


def log_lines(services: Services, batch_id: str, *, vm: str = "", limit: int = 200) -> tuple[str, ...]:
    """The newest `limit` lines, oldest first; vm: only lines about it. Empty where no runner was detached.

    Looks at the last 256 KiB only; control characters are left out.
    """
    path = log_path(services, batch_id)
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ()
    lines = [_CONTROL.sub("", line) for line in text.split("\n")]
    return tuple(line for line in lines if line and _is_about(line, vm))[-limit:]


def _is_about(line: str, vm: str) -> bool:
    rest = _STAMP.sub("", line)
    return not vm or rest.startswith((f"{vm} ", f"{vm}: "))
