"""`v2s lab up` and `v2s demo`: the only place in the product that knows that there is a lab."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

import click

from v2s_tui.cli.console import say
from v2s_tui.domain.errors import InputError, ToolError
from v2s_tui.system.locks import is_locked

_MADE_BY_A_DEMO = (
    "hosts", "lab.log", "migration.yaml", "objectstorage", "plan.yaml", "scaleway", "virtio-win", "work",
)  # fmt: skip
"""What a headless demo begins without. Disks, keys and ports of the folder stay: slow to make, or what an
open terminal may still use. What is not the lab's is never touched: `--dir` may name any folder.
"""
_LAB_WROTE_IT = "# Written by v2s lab"

_LAB_PACKAGES = ("cryptography", "swift", "pyeclib")


@click.group()
def lab() -> None:
    """Local vCenter, Object Storage and Scaleway API, for rehearsals and tests."""


@lab.command("up")
@click.option("--dir", "folder", type=click.Path(path_type=Path), required=True, help="Where the lab lives.")
@click.option("--scenario", default="demo", show_default=True, help="Its name, or a YAML file.")
@click.option("--vms", type=click.IntRange(1, 20_000), help="How many VMs (scenario fleet).")
@click.option("--faults", type=click.Path(path_type=Path, exists=True), help="Rules of what goes wrong.")
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 100), help="Scaleway's pace."
)
@click.option(
    "--lease-timeout",
    default=300,
    show_default=True,
    type=click.IntRange(2),
    help="Seconds an export lease outlives a silent client.",
)
@click.option("--boot", is_flag=True, help="Really boot Instances at power-on (QEMU, on loopback).")
def up(
    folder: Path,
    *,
    scenario: str,
    vms: int | None,
    faults: Path | None,
    speed: float,
    lease_timeout: int,
    boot: bool,
) -> None:
    """Serve until SIGTERM; print one line "lab ready DIR/migration.yaml" once all answers."""
    _need_lab_packages()
    require_lab_folder(folder)
    from v2s_tui.lab.up import LabError, serve

    try:
        serve(
            folder,
            scenario=scenario,
            vm_count=vms,
            faults=faults,
            speed=speed,
            lease_timeout_seconds=lease_timeout,
            boot=boot,
        )
    except LabError as err:
        raise InputError(f"the lab did not start: {err}") from err


def _need_lab_packages() -> None:
    missing = [name for name in _LAB_PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the lab needs Python packages that are not installed: {', '.join(missing)}",
            hint="install v2s with its lab, in a checkout: pipx install --force '.[lab]'",
        )


@click.command()
@click.option("--vms", type=click.IntRange(1, 20_000), help="This many small VMs instead of the twelve.")
@click.option("--run", "headless", is_flag=True, help="Run the bundled plan headless, print the report.")
@click.option("--boot", is_flag=True, help="The Linux VMs boot in the lab's cloud, and verify asks them.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Where the lab lives.")
@click.pass_context
def demo(ctx: click.Context, *, vms: int | None, headless: bool, boot: bool, folder: Path | None) -> None:
    """The lab and the app on it. Without a terminal, or with --run: the bundled plan headless."""
    if vms and boot:
        raise InputError(
            "the small VMs of --vms hold no system that could boot", hint="leave out one of them"
        )
    _need_lab_packages()
    plan_file = _bundled_plan("fleet-plan" if vms else "demo-boot-plan" if boot else "demo-plan")
    headless = headless or not (sys.stdin.isatty() and sys.stdout.isatty())
    home = folder or _default_folder()
    require_lab_folder(home)
    if headless:
        start_anew(home)
    say(f"demo: starting the lab in {home} (the first time its disks are generated)")
    with lab_running(home, scenario="fleet" if vms else "demo", vms=vms, boot=boot) as config:
        if not headless:
            from v2s_tui.cli.app import open_app

            code = open_app(config, "demo", first_plan=_own_plan(home, plan_file))
            _wait_for_runners(home)
            ctx.exit(code)
        from v2s_tui.cli.headless import run_plan

        with as_file(plan_file) as plan:
            ctx.exit(
                run_plan(config, plan, yes=True, report=None, events=None, detach=False, show_report=True)
            )


def _bundled_plan(name: str) -> Traversable:
    return files("v2s_tui.lab.scenarios").joinpath(f"{name}.yaml")


def _own_plan(folder: Path, bundled: Traversable) -> Path:
    """A copy of the bundled plan that the operator may edit."""
    path = folder / "plan.yaml"
    if not path.exists():
        path.write_text(bundled.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def _wait_for_runners(folder: Path) -> None:
    """A batch that still runs needs the lab: wait for it, or stop both on Ctrl+C."""
    from v2s_tui.engine.attach import living_runner

    states = sorted((folder / "work" / "batch-state").glob("batch-*.json"))
    running = [path for path in states if living_runner(path) is not None]
    if not running:
        return
    say("demo: a batch is still running on the lab; waiting for it (Ctrl+C stops the lab, resume goes on)")
    try:
        while any(living_runner(path) is not None for path in running):
            time.sleep(1)
    except KeyboardInterrupt:
        say("demo: stopping the lab")


def _default_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "v2s" / "demo"


def require_lab_folder(folder: Path) -> None:
    """Raises InputError where the lab would write its migration.yaml over one of the operator's."""
    config = folder / "migration.yaml"
    if config.exists() and not config.read_text(encoding="utf-8", errors="replace").startswith(_LAB_WROTE_IT):
        raise InputError(f"{config} is not the lab's", hint="--dir names a folder for the lab alone")


def start_anew(folder: Path) -> None:
    """What an earlier demo migrated must not stand in the way of this one.

    Raises InputError while a lab runs there.
    """
    lock = folder / "lab.lock"
    if not lock.exists():
        return
    if is_locked(lock):
        raise InputError(f"a lab is already running in {folder}", hint="end it, or give --dir another folder")
    for path in (folder / name for name in _MADE_BY_A_DEMO):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return f"it said: {lines[-1].strip()[:200]}; " if lines else ""


_WITHOUT_SIGINT = ("sh", "-c", "trap '' INT; exec \"$@\"", "lab")


@contextmanager
def lab_running(folder: Path, *, scenario: str, vms: int | None = None, boot: bool = False) -> Iterator[Path]:
    """A lab in a process of its own, stopped at the end; yields its migration.yaml.

    It ignores Ctrl+C, which a terminal sends to it too: the one who is asked then is the runner.
    """
    folder.mkdir(parents=True, exist_ok=True)
    argv = [
        *_WITHOUT_SIGINT,
        sys.executable,
        "-m",
        "v2s_tui.cli.main",
        "lab",
        "up",
        "--dir",
        str(folder),
        "--scenario",
        scenario,
    ]
    argv += ["--vms", str(vms)] if vms else []
    argv += ["--boot"] if boot else []
    log = folder / "lab.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL)
    try:
        line = process.stdout.readline().decode() if process.stdout else ""
        if not line.startswith("lab ready "):
            process.wait(30)
            raise ToolError(
                "the lab did not start",
                command=" ".join(argv),
                exit_code=process.returncode,
                stderr_tail=log.read_text(errors="replace")[-2000:],
                hint=f"{_last_words(log)}its log is {log}",
            )
        yield Path(line.removeprefix("lab ready ").strip())
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
