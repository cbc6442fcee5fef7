"""Benches for stages."""

from pathlib import Path
from typing import Any

import pytest
from fakes.bench import Bench, make_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A Linux VM of two disks."""
    return make_bench(tmp_path)


@pytest.fixture
def bench_of(tmp_path: Path) -> Any:
    """Makes benches."""
    return lambda **asked: make_bench(tmp_path, **asked)
