"""Holds a receiver back while its file occupies more of the work disk than it may.

Whoever sends parts of the file frees them as they arrive (system/files.py, `free_range`), so the file itself
tells how much is still to be sent and nobody has to be asked.
"""

import errno
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
        while self._full():
            time.sleep(_LOOK_SECONDS)

    def _full(self) -> bool:
        """The blocks say so, and the data does, too: XFS allots blocks behind the end of a file that grows,
        as much again as it holds, and nobody ever frees those.
        """
        occupied_bytes = os.fstat(self._file_descriptor).st_blocks * 512
        return occupied_bytes > self._room_bytes and data_bytes(self._file_descriptor) > self._room_bytes


def data_bytes(file_descriptor: int) -> int:
    """Bytes of a file that are not in holes, up to its end. Raises OSError."""
    total = position = 0
    while True:
        try:
            start = os.lseek(file_descriptor, position, os.SEEK_DATA)
        except OSError as err:
            if err.errno == errno.ENXIO:  # nothing but a hole up to the end
                return total
            raise
        position = os.lseek(file_descriptor, start, os.SEEK_HOLE)
        total += position - start
