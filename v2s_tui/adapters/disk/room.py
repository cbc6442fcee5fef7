"""Holds a receiver back while its file occupies more of the work disk than it may.

Whoever sends parts of the file frees them as they arrive (system/files.py, `free_range`), so the file itself
tells how much is still to be sent and nobody has to be asked.
"""

import os
import time

_LOOK_SECONDS = 0.02


class Room:
    """Tell `reached` that the file has grown; it returns when there is room for more."""

    def __init__(self, file_descriptor: int, room_bytes: int) -> None:
        self._file_descriptor = file_descriptor
        self._room_bytes = room_bytes

    def reached(self, _offset: int) -> None:
        """Waits as long as it takes: a sender that gives up has this process ended."""
        while os.fstat(self._file_descriptor).st_blocks * 512 > self._room_bytes:
            time.sleep(_LOOK_SECONDS)
