"""The doctor on virt-v2v, which only plans need that ask for it."""

import pytest

from v2s_tui.adapters.guest import virt_v2v
from v2s_tui.domain.checks import CheckState
from v2s_tui.domain.errors import ToolError
from v2s_tui.usecases.check_host import _virt_v2v


def failing() -> str:
    raise ToolError("virt-v2v-in-place cannot be started", command="", exit_code=127, stderr_tail="")


@pytest.mark.parametrize(
    ("program", "windows", "state", "detail"),
    [
        ("not installed: nbdkit", "", CheckState.OK, "not installed: nbdkit; only `guest_backend: virt-v2v`"),
        ("", "no rhsrvany.exe", CheckState.OK, "virt-v2v-in-place 2.2.0; not for Windows: no rhsrvany.exe"),
        ("", "", CheckState.OK, "virt-v2v-in-place 2.2.0"),
    ],
)
def test_what_there_is(
    monkeypatch: pytest.MonkeyPatch, program: str, windows: str, state: CheckState, detail: str
) -> None:
    monkeypatch.setattr(virt_v2v, "program_missing", lambda: program)
    monkeypatch.setattr(virt_v2v, "windows_part_missing", lambda: windows)
    monkeypatch.setattr(virt_v2v, "version", lambda: "virt-v2v-in-place 2.2.0")
    check = _virt_v2v()
    assert check.state is state
    assert check.detail.startswith(detail)


def test_one_that_does_not_start_is_told_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virt_v2v, "program_missing", lambda: "")
    monkeypatch.setattr(virt_v2v, "version", failing)
    check = _virt_v2v()
    assert (check.state, check.fix) == (CheckState.WARN, "apt-get install virt-v2v nbdkit")
