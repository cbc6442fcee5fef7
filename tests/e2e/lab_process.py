"""A lab in a process of its own and `v2s` run as an operator runs it; what stands at both ends afterwards."""

import json
import os
import select
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

START_SECONDS = 240
"""For a lab whose guests are made at its start, on a busy machine."""


@dataclass(frozen=True)
class RunningLab:
    """The lab's folder and configuration; state() asks its two servers."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "migration.yaml"

    @property
    def settings(self) -> dict[str, Any]:
        data: dict[str, Any] = yaml.safe_load(self.config.read_text())
        return data

    @property
    def work_dir(self) -> Path:
        return Path(self.settings["conversion"]["work_dir"])

    def vcenter_state(self) -> dict[str, Any]:
        return _ask(f"https://127.0.0.1:{self.settings['vmware']['port']}/lab/state")

    def cloud_state(self) -> dict[str, Any]:
        return _ask(f"{self.settings['scaleway']['api_url']}/lab/state")

    def resources(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cloud_state()["resources"].get(kind, [])
        return found

    def batch_ids(self) -> list[str]:
        states = (self.work_dir / "batch-state").glob("batch-*.json")
        return [path.stem.removeprefix("batch-") for path in states]

    def assert_nothing_left_behind(self) -> None:
        """No VMware snapshot of ours, no lease, no unfinished upload, no transit object."""
        source, cloud = self.vcenter_state(), self.cloud_state()
        assert not source["new_snapshots"]
        assert not source["leases"]
        for bucket in cloud["buckets"].values():
            assert not bucket["uploads"]
            assert not bucket["objects"]


def _ask(url: str) -> dict[str, Any]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(url, context=context, timeout=20) as answer:  # noqa: S310 - loopback only
        data: dict[str, Any] = json.load(answer)
        return data


@contextmanager
def lab_process(folder: Path, *arguments: str) -> Iterator[RunningLab]:
    """`v2s lab up` until the block ends."""
    argv = [sys.executable, "-m", "v2s_tui.cli.main", "lab", "up", "--dir", str(folder), *arguments]
    log = (folder.parent / f"{folder.name}.log").open("wb")
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)
    try:
        line = _first_line(process)
        assert line.startswith("lab ready "), f"{line!r}; its log:\n{Path(log.name).read_text()}"
        yield RunningLab(folder)
    finally:
        _end(process)
        log.close()


def _first_line(process: subprocess.Popen[bytes]) -> str:
    """What it says first; "" where it ends or says nothing for START_SECONDS."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    return process.stdout.readline().decode() if readable else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, which every lab must obey; what does not is killed, so that no later test meets it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def v2s_argv(lab: RunningLab | None, *arguments: str) -> list[str]:
    """The command line an operator would type."""
    config = ["--config", str(lab.config)] if lab else []
    return [sys.executable, "-m", "v2s_tui.cli.main", *config, *arguments]


def v2s(
    lab: RunningLab | None, *arguments: str, timeout: float = 240, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; one that takes longer fails the test with what it said last."""
    try:
        return subprocess.run(
            v2s_argv(lab, *arguments),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environ},
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        said = (err.stderr or b"").decode(errors="replace")[-3000:]
        raise AssertionError(
            f"v2s {' '.join(arguments)} ran for {timeout:.0f} seconds; it said\n{said}"
        ) from err


def compare_images(source: Path, imported: Path) -> None:
    """`qemu-img compare`: equal content; the imported one may be larger, its rest must be zero."""
    argv = ["qemu-img", "compare", "-f", "raw", "-F", "raw", str(source), str(imported)]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, f"{source.name}: {result.stdout}{result.stderr}"
