"""What libguestfs needs on this host: a kernel for its appliance, a cache folder, and no broken KVM.

On a host without a kernel in /boot (containers, small cloud machines) a cloud kernel is downloaded and
unpacked, not installed. Source: reference guest.md section 2, "Appliance kernel".
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.adapters.qemu.acceleration import KVM, acceleration
from v2s_tui.domain.errors import ToolError
from v2s_tui.system.processes import run_tool

WORKER_PYTHON = Path("/usr/bin/python3")
_META_PACKAGE = "linux-image-cloud-amd64"
_SBIN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"}


@dataclass(frozen=True, slots=True)
class ApplianceSettings:
    """kernel, modules: None where the host's own are used. cache: where supermin keeps the appliance (None:
    its default). acceleration: `kvm` or `tcg`.
    """

    kernel: Path | None
    modules: Path | None
    kernel_version: str
    acceleration: str
    cache: Path | None = None

    def environment(self) -> dict[str, str]:
        """Variables for the worker."""
        forced = "force_kvm" if self.acceleration == KVM else "force_tcg"
        values = {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": forced, **_SBIN}
        if self.kernel and self.modules:
            values |= {
                "SUPERMIN_KERNEL": str(self.kernel),
                "SUPERMIN_MODULES": str(self.modules),
                "SUPERMIN_KERNEL_VERSION": self.kernel_version,
            }
        return values | ({"LIBGUESTFS_CACHEDIR": str(self.cache)} if self.cache else {})


def guestfs_installed() -> bool:
    """True when the worker's Python can load libguestfs."""
    try:
        _check_guestfs()
    except ToolError:
        return False
    return True


def appliance_ready(cache: Path) -> bool:
    """True when `prepare_appliance` has nothing to download."""
    return _host_kernel() is not None or _kernel_folder(cache).exists()


def cache_can_be_made(cache: Path) -> bool:
    """True where this user may keep something in that folder, which need not be there yet."""
    nearest = next(each for each in (cache, *cache.parents) if each.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def prepare_appliance(cache: Path) -> ApplianceSettings:
    """Settings that work on this host; a kernel is downloaded into the cache the first time, where needed.

    Raises ToolError with the package or command that is missing.
    """
    _check_guestfs()
    _check_module_folder()
    engine = acceleration()
    if _host_kernel() is not None:
        return ApplianceSettings(None, None, "", engine)
    root = _unpacked_kernel(cache)
    version = next(path.name for path in (root / "lib/modules").iterdir())
    if not (root / "lib/modules" / version / "modules.dep").exists():
        run_tool(["depmod", "-b", str(root), version], env=_SBIN, timeout_seconds=120, hint="install kmod")
    return ApplianceSettings(
        root / f"boot/vmlinuz-{version}", root / "lib/modules" / version, version, engine
    )


def _check_guestfs() -> None:
    run_tool(
        [str(WORKER_PYTHON), "-c", "import guestfs"],
        timeout_seconds=30,
        hint="install the packages python3-guestfs and libguestfs-xfs",
    )


def _check_module_folder() -> None:
    """supermin looks at /lib/modules even when it is told to use another folder."""
    try:
        Path("/lib/modules").mkdir(exist_ok=True)
    except OSError as error:
        raise ToolError(
            "libguestfs needs the folder /lib/modules",
            command="mkdir /lib/modules",
            exit_code=None,
            stderr_tail=str(error),
            hint="run `mkdir -p /lib/modules` as root once",
        ) from error


def _host_kernel() -> Path | None:
    """A kernel in /boot that this user may read, with its modules."""
    for kernel in sorted(Path("/boot").glob("vmlinuz-*"), reverse=True):
        modules = Path("/lib/modules") / kernel.name.removeprefix("vmlinuz-")
        if os.access(kernel, os.R_OK) and (modules / "modules.dep").exists():
            return kernel
    return None


def _kernel_folder(cache: Path) -> Path:
    return cache / "appliance-kernel"


def _unpacked_kernel(cache: Path) -> Path:
    target = _kernel_folder(cache)
    if target.exists():
        return target
    if not cache_can_be_made(cache):
        raise ToolError(
            f"{cache} cannot be written",
            command=f"mkdir -p {cache}",
            exit_code=None,
            stderr_tail="",
            hint=CACHE_FIX,
        )
    cache.mkdir(parents=True, exist_ok=True)
    listing = run_tool(
        ["apt-cache", "depends", _META_PACKAGE], timeout_seconds=60, hint=_KERNEL_HINT
    ).stdout.decode()
    match = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", listing)
    if not match:
        raise _no_kernel(f"apt knows no {_META_PACKAGE}")
    with TemporaryDirectory(dir=cache, prefix=".kernel-") as scratch:  # another process may do the same
        folder = Path(scratch)
        run_tool(["apt-get", "download", "-q", match[1]], cwd=folder, timeout_seconds=600, hint=_KERNEL_HINT)
        archives = sorted(folder.glob(f"{match[1]}_*.deb"))
        if not archives:
            raise _no_kernel(f"apt-get downloaded no {match[1]}")
        run_tool(["dpkg-deb", "-x", str(archives[-1]), str(folder / "root")], timeout_seconds=120)
        try:
            (folder / "root").rename(target)
        except OSError:
            if not target.exists():
                raise
    return target


CACHE_FIX = "set XDG_CACHE_HOME to a folder of yours, or install a kernel such as linux-image-cloud-amd64"
_KERNEL_HINT = "run `apt-get update` as root, or install any kernel package such as linux-image-cloud-amd64"


def _no_kernel(title: str) -> ToolError:
    return ToolError(title, command="apt-get download", exit_code=None, stderr_tail="", hint=_KERNEL_HINT)
