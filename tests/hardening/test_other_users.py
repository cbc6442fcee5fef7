"""Another user of the conversion host may not command a run, even where the socket was opened for him."""

import asyncio
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.execution.snapshot import BatchSnapshot, picture_of
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.engine.commands import Command
from v2s_tui.engine.control import ControlServer

SAY_HELLO = """
import os, socket, sys
os.chdir(sys.argv[1])
if sys.argv[2]:
    os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(10)
peer.connect("control.sock")
try:
    peer.sendall(b'{"type": "hello", "watch": true}\\n')
    print(len(peer.recv(64)))
except ConnectionError:
    print(0)
"""

LIST_BATCHES = """
import os, sys
from pathlib import Path
from v2s_tui.adapters.store.reading import list_batches
if os.geteuid() == 0:
    os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
else:  # only root can become another user; its owner himself must ask leave then
    (Path(sys.argv[1]) / "batch-state").chmod(0)
print(list_batches(Path(sys.argv[1])))
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ControlServer]:
    state = batch_of(plan_of([("one", [vm_named("vm-0")], PausePolicy.PAUSE)]))

    def picture() -> BatchSnapshot:
        return picture_of(state, datetime.now(UTC))

    async def command(_command: Command) -> str:
        return ""

    with tempfile.TemporaryDirectory(prefix="v2s-") as folder:  # pytest's own is closed to others
        made = ControlServer(Path(folder) / "control.sock", command=command, picture=picture)
        await made.start()
        made.path.parent.chmod(0o711)
        made.path.chmod(0o666)
        yield made
        await made.close()


async def bytes_heard(server: ControlServer, user: str) -> int:
    argv = [sys.executable, "-c", SAY_HELLO, str(server.path.parent), user]
    child = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    said, _ = await child.communicate()
    return int(said)


async def test_who_is_not_the_owner_hears_nothing(
    server: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await bytes_heard(server, "") > 0
    if os.geteuid() == 0:
        assert await bytes_heard(server, str(pwd.getpwnam("nobody").pw_uid)) == 0
    else:  # only root can become another user; so the run becomes another's
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert await bytes_heard(server, "") == 0


def test_who_may_not_see_the_batches_is_told_so_instead_of_none() -> None:
    """`leftovers` would take all that they made for nobody's, and a second run would seem the first."""
    with tempfile.TemporaryDirectory(prefix="v2s-") as folder:
        work_dir = Path(folder) / "work"
        BatchStateFile.create(
            work_dir, batch_of(plan_of([("one", [vm_named("vm-0")], PausePolicy.PAUSE)]))
        ).close()
        for each in (Path(folder), work_dir):
            each.chmod(0o755)
        nobody = str(pwd.getpwnam("nobody").pw_uid)
        argv = [sys.executable, "-c", LIST_BATCHES, str(work_dir), nobody]
        result = subprocess.run(argv, capture_output=True, text=True, check=False)
        (work_dir / "batch-state").chmod(0o700)
    assert "belongs to another user" in result.stderr, result.stdout
