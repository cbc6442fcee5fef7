"""A run in which much goes wrong, at debug level, with known secrets: none of them is anywhere afterwards."""

import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from lab_process import RunningLab, lab_process, v2s, v2s_argv
from plans_as_is import write_plan_as_is

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(300)]

PASSWORD = "vault-Pa55-q7xk2m9w4t"
SECRET_KEY = "5ec2e7aa-0b0b-4c0c-8d0d-feedfacecafe"
ACCESS_KEY = "SCWKNOWNACCESSKEY123"
SECRETS = (PASSWORD, SECRET_KEY)
FAULTS = {
    "seed": 3,
    "rules": [
        # An answer that repeats what it was sent, as proxies with a debug page do.
        {
            "server": "scaleway",
            "operation": "POST *import-from-object-storage*",
            "nth": [1, 2, 3],
            "status": 400,
            "body": f'{{"message": "bad request: X-Auth-Token: {SECRET_KEY}", "type": "invalid_arguments"}}',
        },
        {"server": "scaleway", "operation": "POST *", "nth": [5, 9], "status": 429},
        {"server": "scaleway", "operation": "*", "probability": 0.05, "status": 503, "body": "<html>busy"},
        {"server": "objectstorage", "operation": "UploadPart", "nth": [2], "status": 503},
        {"server": "vcenter", "operation": "CreateSnapshot_Task", "nth": 1, "fault": "TaskInProgress"},
        {"server": "vcenter", "operation": "GET /nfc/*", "nth": [1, 3], "cut_after_bytes": 300_000},
        {"server": "vcenter", "operation": "ExportSnapshot", "nth": 2, "lease": "error"},
    ],
}
AT_DEBUG_LEVEL = """
import logging, sys
from pathlib import Path
logging.basicConfig(level=logging.DEBUG, filename=sys.argv.pop(1))
from v2s_tui.cli.main import main
main()
"""

ALL_SCREENS = """
import asyncio, contextlib, sys
from pathlib import Path
from textual.worker import WorkerCancelled, WorkerFailed
from v2s_tui.bootstrap import open_services
from v2s_tui.tui.app import V2sApp
from v2s_tui.usecases.edit_plan_file import open_plan_file

config, plan, folder = map(Path, sys.argv[1:])

async def show(app):
    async with app.run_test(size=(180, 50)) as pilot:
        for keys in ("1", "2", "3", "4", "5", "6", "6 L", "6 enter"):
            await pilot.press(*keys.split())
            for _ in range(3):
                with contextlib.suppress(WorkerCancelled, WorkerFailed):
                    await app.workers.wait_for_complete()
                await pilot.pause()
            (folder / f"screen {keys}.svg").write_text(app.export_screenshot())

with open_services(config, warn=print) as services:
    app = V2sApp(services)
    opened = open_plan_file(plan)
    app.workspace.open_plan(opened.plan, opened.path, digest=opened.digest)
    asyncio.run(show(app))
"""


@dataclass
class Processes:
    """What anyone on the host could read about our processes while they ran. runner: its argument list."""

    runner: bytes
    argument_lists: set[bytes] = field(default_factory=set)
    environments: dict[bytes, bytes] = field(default_factory=dict)
    sockets: dict[Path, int] = field(default_factory=dict)
    modes: dict[Path, int] = field(default_factory=dict)

    def look(self, parent: int) -> None:
        """A child that still shows the runner's own arguments has not executed its program yet: what can be
        read of it is the runner's memory.
        """
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                pid, line = int(folder.name), (folder / "cmdline").read_bytes()
                self.argument_lists.add(line)
                if line != self.runner and _descends(pid, parent):
                    self.environments[line] = (folder / "environ").read_bytes()
            except OSError:
                continue

    def look_at_files(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                continue
            (self.sockets if stat.S_ISSOCK(mode) else self.modes)[path] = stat.S_IMODE(mode)


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        status = (Path("/proc") / str(pid) / "stat").read_text()
        pid = int(status.rpartition(")")[2].split()[1])
        if pid == ancestor:
            return True
    return False


@contextmanager
def watched(parent: int, *folders: Path) -> Iterator[Processes]:
    seen, ended = Processes(Path(f"/proc/{parent}/cmdline").read_bytes()), threading.Event()

    def watch() -> None:
        while not ended.wait(0.03):
            seen.look(parent)
            for folder in folders:
                seen.look_at_files(folder)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def prepare(folder: Path) -> None:
    """A lab takes the secrets it finds in its folder."""
    vault = folder / "secrets"
    vault.mkdir(mode=0o700, parents=True)
    for name, text in (
        ("vcenter-password", PASSWORD),
        ("secret-key", SECRET_KEY),
        ("access-key", ACCESS_KEY),
    ):
        (vault / name).write_text(text)
        (vault / name).chmod(0o600)


def from_environment(lab: RunningLab, path: Path) -> Path:
    """The lab's configuration with its secrets taken from variables, as a pipeline has them."""
    settings = lab.settings
    settings["vmware"].pop("password_file")
    settings["vmware"]["password_env"] = "MY_VCENTER"
    for key in ("access_key", "secret_key"):
        settings["scaleway"].pop(f"{key}_file")
        settings["scaleway"][f"{key}_env"] = f"MY_{key.upper()}"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_no_secret_is_anywhere_after_a_troubled_run(tmp_path: Path) -> None:
    prepare(tmp_path / "lab")
    faults = tmp_path / "faults.yaml"
    faults.write_text(yaml.safe_dump(FAULTS))
    output = tmp_path / "output"
    output.mkdir()
    runtime = Path(tempfile.mkdtemp(prefix="v2s-"))  # a socket's path must be short
    environ = {
        **os.environ,
        "MY_VCENTER": PASSWORD,
        "MY_ACCESS_KEY": ACCESS_KEY,
        "MY_SECRET_KEY": SECRET_KEY,
        "XDG_STATE_HOME": str(output / "state"),
        "TMPDIR": str(runtime),
    }
    with lab_process(tmp_path / "lab", "--scenario", "tiny", "--faults", str(faults)) as lab:
        write_plan_as_is(lab, output / "plan.yaml", "tiny-*")
        config = from_environment(lab, output / "migration.yaml")
        argv = [sys.executable, "-c", AT_DEBUG_LEVEL, str(output / "debug.log"), "--config", str(config)]
        run = ["--run", str(output / "plan.yaml"), "--yes", "--events", str(output / "events.jsonl")]
        with (output / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [*argv, *run], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environ
            )
            with watched(process.pid, lab.work_dir, runtime) as seen:
                process.wait(200)
        said = (output / "run.log").read_text()
        assert process.returncode in (0, 1), said[-4000:]
        for form in ("markdown", "text", "html", "json", "csv", "opentofu"):
            written = v2s(lab, "batch", "report", "--format", form, timeout=60)
            assert written.returncode == 0, written.stderr
            (output / f"report.{form}").write_text(written.stdout + written.stderr)
        asked = v2s(lab, "batch", "status", "--format", "json", timeout=60)
        (output / "status.json").write_text(asked.stdout + asked.stderr)
        photograph(config, output, environ)
        counted = check_files(lab, output)
        check_processes(seen)
        check_modes(seen)
        print(
            f"{counted} files, {len(seen.argument_lists)} argument lists, {len(seen.environments)} child "
            f"environments, {len(seen.modes)} work files, {len(seen.sockets)} sockets: no secret, none open"
        )


def photograph(config: Path, output: Path, environ: dict[str, str]) -> None:
    """Every screen of the app, with the batch and its log, among the files that are searched."""
    argv = [sys.executable, "-c", ALL_SCREENS, str(config), str(output / "plan.yaml"), str(output)]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-3000:]
    pictures = [path.read_text() for path in output.glob("screen *.svg")]
    assert len(pictures) == 8
    assert len([each for each in pictures if "tiny" in each]) > 3, "they show nothing"


def check_files(lab: RunningLab, output: Path) -> int:
    """Search every file the product wrote; the events must tell of failures, else nothing was tried."""
    assert '"attempt' in (output / "events.jsonl").read_text()
    searched = 0
    for root in (lab.work_dir, output, Path(os.environ["HOME"])):
        for path in root.rglob("*"):
            if not path.is_file():
                continue
            content = path.read_bytes()
            searched += 1
            for secret in SECRETS:
                assert secret.encode() not in content, f"{path} holds a secret"
            if path.name != "debug.log":  # botocore writes the id of the key there, which is no secret
                assert ACCESS_KEY.encode() not in content, f"{path} holds the access key"
    assert searched > 10
    return searched


def check_processes(seen: Processes) -> None:
    assert seen.environments, "no child was seen"
    for secret in (*SECRETS, ACCESS_KEY):
        assert not [line for line in seen.argument_lists if secret.encode() in line]
        assert not [line for line, env in seen.environments.items() if secret.encode() in env]


def check_modes(seen: Processes) -> None:
    """Nothing in the work folder that anyone else can open while the run goes on."""
    assert seen.sockets
    assert set(seen.sockets.values()) == {0o600}
    open_to_others = {str(path): oct(mode) for path, mode in seen.modes.items() if mode & 0o077}
    assert not open_to_others


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_literal_secret_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    config = tmp_path / "migration.yaml"
    config.write_text(f"vmware: {{vcenter: vc, username: me, password: {PASSWORD}}}\n")
    config.chmod(mode)
    started = time.monotonic()
    result = subprocess.run(
        [*v2s_argv(None), "--config", str(config), "inventory"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "chmod 600" in result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    assert time.monotonic() - started < 30
