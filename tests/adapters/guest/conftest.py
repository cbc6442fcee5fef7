"""Real tools on real small guests: libguestfs, QEMU, GRUB. One at a time, since each takes a whole
processor.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guest_rehearsals import MIB, guest_lock, overlay_of

from v2s_tui.adapters.guest.appliance import ApplianceSettings, prepare_appliance
from v2s_tui.lab.guests.micro import build_micro_guest

TOOLS = (
    "qemu-system-x86_64",
    "qemu-img",
    "qemu-storage-daemon",
    "mformat",
    "grub-mkimage",
    "grub-fstest",
    "mke2fs",
)


@pytest.fixture(scope="session")
def tools() -> None:
    """Missing tools skip loudly on a contributor's machine and fail where it decides."""
    path = os.environ["PATH"] + ":/usr/sbin"
    missing = [name for name in TOOLS if shutil.which(name, path=path) is None]
    if missing:
        message = f"not installed: {', '.join(missing)}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.fixture(autouse=True)
def one_at_a_time(tools: None) -> Iterator[None]:
    """Each test has the emulated machine to itself, across all processes that run tests."""
    with guest_lock():
        yield


@pytest.fixture(scope="session")
def guest_cache() -> Path:
    """Where downloaded packages are kept between runs."""
    return Path(os.environ.get("V2S_LAB_CACHE") or Path.home() / ".cache/v2s-lab")


@pytest.fixture(scope="session")
def appliance(tools: None, guest_cache: Path) -> ApplianceSettings:
    """Settings for libguestfs, probed once."""
    with guest_lock():
        return prepare_appliance(guest_cache)


@pytest.fixture(scope="session")
def new_guest(
    tools: None, guest_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Builds a guest of a variant and returns a fresh overlay with room for an ESP."""

    def build(variant: str) -> Path:
        folder = tmp_path_factory.mktemp(variant)
        raw = folder / "guest.raw"
        build_micro_guest(raw, variant=variant, cache=guest_cache, name=f"{variant}-guest")
        return overlay_of(raw, folder / "overlay.qcow2", base_format="raw", extra_bytes=80 * MIB)

    return build
