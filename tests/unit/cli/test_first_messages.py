"""What a newcomer meets first: every message names the cause and a next step, every --help has an example."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from v2s_tui.cli.examples import EXAMPLES
from v2s_tui.cli.main import cli


def v2s(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "v2s_tui.cli.main", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("needs a terminal", "v2s --run", "v2s demo")),
        (("inventory",), ("vmware.vcenter is not set", "VCENTER_HOST", "v2s demo")),
        (("inventori",), ("No such command", "Did you mean 'inventory'?")),
        (("--run", "nope.yaml"), ("nope.yaml", "No such file", "v2s inventory-plan")),
        (("--yes",), ("--yes goes with --run",)),
        (("--report", "r.md", "batch", "run", "--plan", "p.yaml"), ("--report goes with --run", "after it")),
        (("--run", "p.yaml", "batch", "list"), ("--run takes no command",)),
        (("batch", "run"), ("Missing option '--plan'",)),
        (("batch", "resume"), ("Missing option '--batch-id'", "v2s batch list")),
        (("batch", "undo", "--batch-id", "../x"), ("'../x' is no batch id", "v2s batch list")),
        (("inventory-plan", "--from-rvtools", "nope.xlsx"), ("nope.xlsx", "No such file", ".csv")),
        (("inventory-plan", "-f", "nokey:3", "--from-rvtools", "x.csv"), ("nokey", "known keys", "name")),
        (("--config", "nope.yaml", "inventory"), ("nope.yaml", "No such file", "--config")),
    ],
)
def test_a_first_mistake_is_answered_with_a_way_on(
    tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    result = v2s(tmp_path, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def commands(command: click.Command, path: str) -> list[str]:
    """Paths of all commands, `batch run`."""
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [path, *(each for name, child in children if child for each in commands(child, f"{path} {name}"))]


def test_every_command_has_an_example_that_parses() -> None:
    paths = [each.removeprefix("v2s ") for each in commands(cli, "v2s")]
    assert [path for path in paths if path not in EXAMPLES] == []
    assert [path for path in EXAMPLES if path not in paths] == []
    for line in {line for lines in EXAMPLES.values() for line in lines}:
        check_options(shlex.split(line.partition(">")[0].partition("#")[0].strip(" &"))[1:])


def check_options(words: list[str]) -> None:
    """Every option of an example belongs to the command that the example names."""
    command: click.Command = cli
    known = {"-h"}
    for word in words:
        known |= {name for option in command.params for name in option.opts}
        child = (
            command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        )
        command = child or command
        assert not word.startswith("-") or word in known | {n for o in command.params for n in o.opts}, words


def test_version() -> None:
    from v2s_tui import __version__

    result = subprocess.run(
        [sys.executable, "-m", "v2s_tui.cli.main", "--version"], capture_output=True, text=True, check=False
    )
    assert result.stdout == f"v2s, version {__version__}\n"
