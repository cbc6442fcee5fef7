"""Measures the disk data path against the obvious alternative, on this computer, over loopback TLS.

    python tests/benchmarks/data_path/run.py [--quick] [--data-mib 2048] [--mbit 0 1000] [--rounds 1]

Builds a mixed disk, runs every pipeline in turn, and prints wall, CPU (of the pipeline's processes, not the
servers'), bytes written, peak space, largest process, and the ratios to the staged pipeline. The link floor
is what curl needs for the stream's bytes in and out at once, and nothing else. Quote ratios: the seconds are
this computer's. On a busy one only the CPU column means something.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mixed_disk import capacity_of
from pipelines import PIPELINES, Addresses

HERE = Path(__file__).parent
BASELINE = "staged"
QUICK_MIB = 512
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. largest_bytes: resident size of its largest process."""

    wall_seconds: float
    cpu_seconds: float
    written_bytes: int
    peak_bytes: int
    largest_bytes: int


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="v2s-data-path-") as name:
        folder = Path(name)
        vmdk = options.stream or _made_stream(folder, options.data_mib, quick=options.quick)
        capacity_bytes = capacity_of(vmdk)
        print(
            f"disk {capacity_bytes / 1e9:.2f} GB, stream {vmdk.stat().st_size / 1e9:.3f} GB, "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        for mbit in options.mbit:
            with servers(folder, vmdk, mbit=mbit) as addresses:
                addresses["capacity_bytes"] = capacity_bytes
                _compare(folder, addresses, options, mbit=mbit, vmdk=vmdk)


def _made_stream(folder: Path, data_mib: int, *, quick: bool) -> Path:
    """In a process of its own: what this one has in memory would count as the pipelines'."""
    vmdk = folder / "disk.vmdk"
    argv = [sys.executable, str(HERE / "mixed_disk.py"), str(vmdk), str(QUICK_MIB if quick else data_mib)]
    subprocess.run(argv, check=True)
    return vmdk


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help=f"a disk of {QUICK_MIB} MiB, no `-c`")
    parser.add_argument("--data-mib", type=int, default=2048, help="content of the disk before compression")
    parser.add_argument("--stream", type=Path, help="a streamOptimized VMDK to use instead of making one")
    parser.add_argument("--mbit", type=float, nargs="+", default=[0, 1000], help="caps, each way; 0: none")
    parser.add_argument("--rounds", type=int, default=1, help="pipelines take turns; medians are printed")
    parser.add_argument("--only", nargs="+", choices=list(PIPELINES))
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to work (default: the temporary one)"
    )
    return parser.parse_args()


@contextmanager
def servers(folder: Path, vmdk: Path, *, mbit: float) -> Iterator[Addresses]:
    """Both ends, each in a process of its own."""
    with ExitStack() as running:
        addresses: Addresses = {}
        for role in ("nfc", "s3"):
            addresses |= running.enter_context(_server(role, folder, vmdk, mbit))
        addresses["nfc"] += "/nfc/1/disk-0.vmdk"
        yield addresses


@contextmanager
def _server(role: str, folder: Path, vmdk: Path, mbit: float) -> Iterator[Addresses]:
    argv = [sys.executable, str(HERE / "servers.py"), role, str(folder / "tls"), str(vmdk), str(mbit)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def _compare(
    folder: Path, addresses: Addresses, options: argparse.Namespace, *, mbit: float, vmdk: Path
) -> None:
    slow = {"staged -c"} if options.quick else set()
    names = options.only or [name for name in PIPELINES if name not in slow]
    runs: dict[str, list[Measured]] = {name: [] for name in names}
    floors = [link_floor_seconds(addresses, vmdk)]
    for _ in range(options.rounds):
        for name, found in runs.items():
            found.append(measure(name, folder / "work", addresses))
        floors.append(link_floor_seconds(addresses, vmdk))
    floor_seconds = min(floors)
    medians = {name: _median(each) for name, each in runs.items()}
    _print(medians, mbit=mbit, floor_seconds=floor_seconds, stream_bytes=vmdk.stat().st_size)


def link_floor_seconds(addresses: Addresses, vmdk: Path) -> float:
    """The stream in, and as many bytes out, at once and by curl."""
    trusted = ["curl", "-sS", "--fail", "--cacert", addresses["ca_file"], "-o", "/dev/null"]
    began = time.monotonic()
    with (
        subprocess.Popen([*trusted, addresses["nfc"]]) as down,
        subprocess.Popen([*trusted, "-T", str(vmdk), f"{addresses['s3']}/transit/floor"]) as up,
    ):
        codes = down.wait(), up.wait()
    if any(codes):
        raise subprocess.CalledProcessError(max(codes), "curl")
    return time.monotonic() - began


def measure(name: str, work: Path, addresses: Addresses) -> Measured:
    """Run one pipeline in an empty folder. Raises CalledProcessError when it fails."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    peak = PeakSpace(work)
    argv = [sys.executable, str(HERE / "pipelines.py"), name, json.dumps(addresses)]
    began = time.monotonic()
    with peak, subprocess.Popen(argv, cwd=work, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_seconds = time.monotonic() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return Measured(
        wall_seconds,
        usage.ru_utime + usage.ru_stime,
        json.loads(said)["written_bytes"],
        peak.bytes,
        usage.ru_maxrss * 1024,
    )


class PeakSpace:
    """Samples what a folder's files occupy while the block runs."""

    def __init__(self, folder: Path) -> None:
        self.bytes = 0
        self._folder = folder
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self.bytes = max(self.bytes, sum(_occupied(each) for each in self._folder.iterdir()))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _occupied(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0


def _median(runs: list[Measured]) -> Measured:
    return Measured(
        statistics.median(each.wall_seconds for each in runs),
        statistics.median(each.cpu_seconds for each in runs),
        int(statistics.median(each.written_bytes for each in runs)),
        max(each.peak_bytes for each in runs),
        max(each.largest_bytes for each in runs),
    )


def _print(medians: dict[str, Measured], *, mbit: float, floor_seconds: float, stream_bytes: int) -> None:
    cap = f"{mbit:.0f} Mbit/s each way" if mbit else "no cap"
    print(
        f"\n{cap}, link floor {floor_seconds:.1f} s (curl both ways), load {os.getloadavg()[0]:.1f}\n"
        f"{'pipeline':22}{'wall s':>8}{'cpu s':>8}{'wrote MB':>10}{'per byte':>10}"
        f"{'peak MB':>9}{'RSS MB':>8}{'x wall':>8}{'x cpu':>7}{'x floor':>9}"
    )
    reference = medians.get(BASELINE)
    for name, each in medians.items():
        ratios = f"{'':15}"
        if reference:
            wall, cpu = reference.wall_seconds / each.wall_seconds, reference.cpu_seconds / each.cpu_seconds
            ratios = f"{wall:8.1f}{cpu:7.1f}"
        floor = f"{each.wall_seconds / floor_seconds:9.2f}"
        print(
            f"{name:22}{each.wall_seconds:8.1f}{each.cpu_seconds:8.1f}{each.written_bytes / 1e6:10.0f}"
            f"{each.written_bytes / stream_bytes:10.2f}{each.peak_bytes / 1e6:9.0f}"
            f"{each.largest_bytes / 1e6:8.0f}{ratios}{floor}"
        )


if __name__ == "__main__":
    main()
