"""Completion by a real bash: the script that `_V2S_COMPLETE` gives, asked as the shell asks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = """
eval "$(_V2S_COMPLETE=bash_source v2s)" 2>/dev/null
COMP_WORDS=("$@"); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_v2s_completion v2s
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(folder: Path, *words: str) -> set[str]:
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    argv = ["bash", "--norc", "-c", ASK, "bash", "v2s", *words]
    result = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    return set(result.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ser",), {"serve"}),
        (("batch", "re"), {"report", "resume"}),
        (("serve", "--t"), {"--tls-cert", "--tls-key", "--token-file"}),
        (("inventory", "--format", "y"), {"yaml"}),
    ],
)
def test_commands_options_and_values(tmp_path: Path, words: tuple[str, ...], offered: set[str]) -> None:
    assert completed(tmp_path, *words) == offered


def test_batch_ids_come_from_the_work_folder(tmp_path: Path) -> None:
    (tmp_path / "migration.yaml").write_text(f"conversion: {{work_dir: {tmp_path / 'work'}}}\n")
    states = tmp_path / "work" / "batch-state"
    states.mkdir(parents=True)
    for name in (
        "batch-1f2e3d4c.json",
        "batch-1fffffff.json",
        "batch-00000000.json",
        "batch-1f2e3d4c.json.lock",
    ):
        (states / name).write_text("")
    assert completed(tmp_path, "batch", "resume", "--batch-id", "1f") == {"1f2e3d4c", "1fffffff"}
    (tmp_path / "migration.yaml").write_text("nonsense: 1\n")
    assert completed(tmp_path, "batch", "resume", "--batch-id", "1f") == set()
