"""Lets the kernel write a growing file to its disk while it grows, so that the sync at its end is short."""

import ctypes

_STEP_BYTES = 64 * 1024 * 1024
_SYNC_FILE_RANGE_WRITE = 2


class WriteBack:
    """Tell `reached` how far the file has grown; each 64 MiB are handed to the disk without waiting."""

    def __init__(self, file_descriptor: int) -> None:
        self._file_descriptor = file_descriptor
        self._begun = 0
        self._start = getattr(ctypes.CDLL(None), "sync_file_range", None)

    def reached(self, offset: int) -> None:
        """Bytes before that offset will not change. A refusal of the kernel is harmless: the sync comes."""
        while self._start is not None and offset - self._begun >= _STEP_BYTES:
            self._start(
                self._file_descriptor,
                ctypes.c_longlong(self._begun),
                ctypes.c_longlong(_STEP_BYTES),
                ctypes.c_uint(_SYNC_FILE_RANGE_WRITE),
            )
            self._begun += _STEP_BYTES
