"""A receiver waits for room, and for nothing else."""

import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from v2s_tui.adapters.disk.room import Room, data_bytes
from v2s_tui.domain.units import MIB
from v2s_tui.system.files import free_range

_KEEP_SIZE = 1


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """Four MiB of data."""
    descriptor = os.open(tmp_path / "disk", os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, b"d" * 4 * MIB, 0)
    yield descriptor
    os.close(descriptor)


def test_what_was_sent_makes_room(file: int) -> None:
    waiting = threading.Thread(target=Room(file, 2 * MIB).reached, args=(4 * MIB,), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    free_range(file, MIB, 2 * MIB)
    waiting.join(5)
    assert not waiting.is_alive()
    assert data_bytes(file) == 2 * MIB


def test_blocks_that_a_file_system_allots_ahead_take_no_room(file: int) -> None:
    """XFS does so by itself for every file that grows."""
    ctypes.CDLL(None).fallocate(file, _KEEP_SIZE, ctypes.c_longlong(4 * MIB), ctypes.c_longlong(8 * MIB))
    assert os.fstat(file).st_blocks * 512 >= 12 * MIB
    waiting = threading.Thread(target=Room(file, 4 * MIB).reached, args=(4 * MIB,), daemon=True)
    waiting.start()
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_file_of_nothing_but_holes_holds_nothing(file: int) -> None:
    free_range(file, 0, 4 * MIB)
    assert data_bytes(file) == 0
