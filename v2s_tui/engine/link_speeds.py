"""How fast disks came from each ESXi host and went to Object Storage, remembered between batches.

One small file in the work folder, rewritten whole by rename. Two runners that measure at the same moment may
lose one measurement; the next one makes up for it.
"""

import json
import logging
import threading
from pathlib import Path

from v2s_tui.domain.execution.transfer import LinkSpeeds
from v2s_tui.domain.units import MIB

log = logging.getLogger(__name__)
FILE_NAME = "link-speeds.json"
LEAST_BYTES, LEAST_SECONDS = 8 * MIB, 0.2
"""Less tells nothing about a link."""
_WEIGHT = 0.3
"""Of the newest measurement: half forgotten after two disks."""
_lock = threading.Lock()


def speeds_between(work_dir: Path, *, host: str, storage: str) -> LinkSpeeds:
    """What was measured; zeros where nothing was, or the file cannot be read."""
    known = _read(work_dir)
    return LinkSpeeds(known.get(_from(host), 0.0), known.get(_to(storage), 0.0))


def note_download(work_dir: Path, host: str, *, size_bytes: int, seconds: float) -> None:
    """That many bytes came from the host in that time."""
    _note(work_dir, _from(host), size_bytes, seconds)


def note_upload(work_dir: Path, storage: str, *, size_bytes: int, seconds: float) -> None:
    """That many bytes went out while something was being sent for that time."""
    _note(work_dir, _to(storage), size_bytes, seconds)


def _from(host: str) -> str:
    return f"from {host}"


def _to(storage: str) -> str:
    return f"to {storage}"


def _note(work_dir: Path, link: str, size_bytes: int, seconds: float) -> None:
    if size_bytes < LEAST_BYTES or seconds < LEAST_SECONDS:
        return
    with _lock:
        known = _read(work_dir)
        before, now = known.get(link), size_bytes / seconds
        known[link] = now if before is None else before + _WEIGHT * (now - before)
        partial = work_dir / f".{FILE_NAME}.partial"
        try:
            partial.write_text(json.dumps(known, indent=1))
            partial.replace(work_dir / FILE_NAME)
        except OSError as err:
            # a full work disk must not fail a transfer that succeeded
            log.warning("the speed %s is not remembered: %s", link, err)


def _read(work_dir: Path) -> dict[str, float]:
    try:
        found = json.loads((work_dir / FILE_NAME).read_text())
        return {str(link): float(speed) for link, speed in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as err:
        log.warning("%s cannot be read, speeds are measured anew: %s", FILE_NAME, err)
        return {}
