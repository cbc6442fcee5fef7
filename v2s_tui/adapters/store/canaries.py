"""The canaries of a work folder: one JSON file, the newest of each target."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.canary import CanaryRecord, Target
from v2s_tui.system.files import write_atomically

FILE_NAME = "canaries.json"


def read_canary(work_dir: Path, target: Target) -> CanaryRecord | None:
    """The newest canary of that target; None without one. Raises StateError for a file that is damaged."""
    fields = _read(work_dir).get(target.name)
    if fields is None:
        return None
    try:
        begun_at = datetime.fromisoformat(fields["begun_at"])
        return CanaryRecord(fields["id"], begun_at, fields["passed"], fields["detail"])
    except (KeyError, TypeError, ValueError) as err:
        raise _damaged(work_dir) from err


def write_canary(work_dir: Path, target: Target, record: CanaryRecord) -> None:
    """Keep it, durable before this returns. Raises OSError."""
    work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = _read(work_dir)
    known[target.name] = {**asdict(record), "begun_at": record.begun_at.isoformat()}
    write_atomically(work_dir / FILE_NAME, json.dumps(known, indent=1).encode())


def _read(work_dir: Path) -> dict[str, dict[str, Any]]:
    path = work_dir / FILE_NAME
    if not path.exists():
        return {}
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
        found.items()
    except (OSError, ValueError, AttributeError) as err:
        raise _damaged(work_dir) from err
    return found


def _damaged(work_dir: Path) -> StateError:
    return StateError(
        f"{work_dir / FILE_NAME} cannot be read", hint="delete it and run `v2s disk canary` again"
    )
