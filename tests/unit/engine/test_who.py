"""Who did it, for the record: the kernel's user, by name where one is known."""

import os
import pwd

import pytest

from v2s_tui.engine.attach import user_name


def test_a_user_without_a_name_goes_by_his_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that was started with a number of its own."""

    def unknown(number: int) -> object:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert user_name() == str(os.getuid())
    assert user_name(12345) == "12345"


def test_what_the_environment_claims_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert user_name() == pwd.getpwuid(os.getuid()).pw_name
