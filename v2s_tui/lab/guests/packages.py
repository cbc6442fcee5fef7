"""Debian packages that a small guest is made of: downloaded with apt-get and unpacked, never installed."""

import fcntl
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CACHE = Path("~/.cache/v2s-lab")
_KERNEL_META = "linux-image-cloud-amd64"
_DOWNLOAD_SECONDS = 300


class PackageMissing(RuntimeError):
    """A Debian package cannot be had; the message names the fix."""


@dataclass(frozen=True, slots=True)
class GuestParts:
    """Folders of unpacked packages. kernel_version: `6.1.0-56-cloud-amd64`."""

    kernel: Path
    kernel_version: str
    busybox: Path
    grub_bios: Path

    @property
    def modules(self) -> Path:
        """The kernel's modules, with the indexes that depmod makes."""
        return self.kernel / "lib/modules" / self.kernel_version

    @property
    def kernel_image(self) -> Path:
        """The bootable kernel file."""
        return self.kernel / f"boot/vmlinuz-{self.kernel_version}"


def guest_parts(cache: Path = DEFAULT_CACHE) -> GuestParts:
    """What the packages in the cache unpack to; they are fetched the first time (28 MB).

    Raises PackageMissing.
    """
    folder = cache.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "packages.lock"):
        kernel = _unpacked(folder, "linux-image-*-cloud-amd64", _kernel_package)
        busybox = _unpacked(folder, "busybox-static", lambda: "busybox-static")
        grub = _unpacked(folder, "grub-pc-bin", lambda: "grub-pc-bin")
        version = next(path.name for path in (kernel / "lib/modules").iterdir())
        if not (kernel / "lib/modules" / version / "modules.dep").exists():
            run(["depmod", "-b", str(kernel), version])
    return GuestParts(kernel, version, busybox, grub)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpacked(cache: Path, pattern: str, package: Callable[[], str]) -> Path:
    done = sorted((cache / "unpacked").glob(pattern))
    if done:
        return done[-1]
    name = package()
    archives = cache / "debs"
    archives.mkdir(exist_ok=True)
    _download(name, archives)
    found = sorted(archives.glob(f"{name}_*.deb"))
    if not found:
        raise PackageMissing(f"apt-get downloaded no {name}; run apt-get update and try again")
    target = cache / "unpacked" / name
    partial = cache / "unpacked" / f".{name}.partial"
    partial.mkdir(parents=True, exist_ok=True)
    run(["dpkg-deb", "-x", str(found[-1]), str(partial)])
    partial.rename(target)
    return target


def _kernel_package() -> str:
    text = run(["apt-cache", "depends", _KERNEL_META])
    match = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", text)
    if not match:
        raise PackageMissing(f"apt knows no {_KERNEL_META}; run apt-get update (as root) on a Debian 12 host")
    return match[1]


def _download(name: str, folder: Path) -> None:
    try:
        run(["apt-get", "download", "-q", name], cwd=folder, timeout_seconds=_DOWNLOAD_SECONDS)
    except RuntimeError as error:
        hint = f"run `apt-get update` as root, or put {name}_*.deb into {folder} by hand"
        raise PackageMissing(f"the Debian package {name} cannot be downloaded: {error}; {hint}") from error


def run(argv: list[str], *, cwd: Path | None = None, timeout_seconds: float = 120) -> str:
    """Run a tool of the build host; its output as text. Raises RuntimeError with its last words."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1"},
        )
    except FileNotFoundError as error:
        raise PackageMissing(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{argv[0]} took longer than {timeout_seconds:.0f} s") from error
    if done.returncode:
        raise RuntimeError(f"{argv[0]} failed: {done.stderr.strip()[-400:]}")
    return done.stdout
