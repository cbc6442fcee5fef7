"""The guest's own tool in the real appliance: its last words, its time limit, a guest that cannot run."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.initramfs import rebuild as rebuilding
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.guest.changes import Change, ChangeKind
from v2s_tui.domain.guest.facts import KernelFacts

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow_guest]
TOOL = "/usr/sbin/mkinitramfs"
FAILS = "#!/bin/sh\nseq 100000\necho busybox is missing >&2\nexit 3\n"
STAYS = "#!/bin/sh\necho working\nexec sleep 600\n"
FOREIGN = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(100)
"""The head of a program for another architecture (ARM)."""


def test_a_tool_that_fails_stays_or_cannot_run_is_told_apart(
    new_guest: Callable[[str], Path], appliance: ApplianceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = new_guest("bios")
    with GuestSession([disk], appliance, cancelled=threading.Event()) as session:
        session.mount("/dev/sda1", "/")
        (path,) = session.glob("/boot/initrd.img-*")
        before = session.checksum(path)
        kernel = KernelFacts(path.partition("-")[2], "", path)

        def attempt(program: str, content: bytes) -> ToolError:
            new = Change(ChangeKind.WRITE, program, "a test", content=content, mode=0o755)
            session.apply([Change(ChangeKind.REMOVE, program, "a link to busybox"), new])
            change = rebuilding.rebuild_change(session, kernel, ["virtio_scsi"], kind="initramfs-tools")
            with pytest.raises(ToolError) as failed:
                rebuilding.rebuild(session, change, kernel, scratch=disk.parent)
            assert session.checksum(path) == before
            return failed.value

        failed = attempt(TOOL, FAILS.encode())
        assert (failed.exit_code, "exit status 3" in failed.title) == (3, True)
        assert failed.stderr_tail.splitlines()[-2:] == ["100000", "busybox is missing"]
        assert len(failed.stderr_tail.splitlines()) == 15
        monkeypatch.setattr(rebuilding, "REBUILD_SECONDS", 2.0)
        late = attempt(TOOL, STAYS.encode())
        assert "longer than 2 s" in late.title
        assert late.stderr_tail.startswith("working")
        assert "cannot run here" in attempt("/bin/sh", FOREIGN).title
