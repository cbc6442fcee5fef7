"""Guest files written to harm: planners read what they are given and change paths of the guest only."""

import random

import pytest
from campaign import Campaign, damaged_bytes
from fakes.guest_files import TextFiles
from test_guest_planner import DHCP, FACTS, FAMILIES, NAMES, Files

from v2s_tui.adapters.guest.linux.planner import plan_linux
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.guest.changes import ChangePlan

STRANGE = (
    b"\xff\xfe\x00bad",
    b"\0" * 4096,
    "été\u202e".encode(),
    b"-> /../../../../etc/shadow",
    b"a" * (6 << 20),
    b"",
    "-> /etc/fstab",
    b"\r\n" * 300,
    b"{{{{[[[[",
    b"&x [*x]",
    b"'" * 999,
    b"menuentry " * 2000,
    b"\x1b]0;x\x07",
)


def plan(files: Files) -> ChangePlan:
    return plan_linux(TextFiles(files), FACTS, NAMES.stable, nics=(DHCP,), esp_uuid="ABCD-1234")


def check(changes: ChangePlan) -> None:
    """Every change names an absolute path inside the guest."""
    for change in changes.changes:
        assert change.path.startswith("/")
        assert ".." not in change.path.split("/")
        assert "\0" not in change.path


def as_bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_damaged_configuration_files(family: str) -> None:
    chance, campaign = random.Random(31), Campaign((V2sError,))
    for _ in range(120):
        files = dict(FAMILIES[family])
        for path in chance.sample(sorted(files), 3):
            files[path] = damaged_bytes(as_bytes(files[path]), chance)
        changes = campaign.feed(lambda files=files: plan(files))
        if changes is not None:
            check(changes)
    campaign.report(f"{family} guests, damaged files")


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_strange_content_in_every_file(family: str) -> None:
    campaign = Campaign((V2sError,))
    for path in sorted(FAMILIES[family]):
        for content in STRANGE:
            changes = campaign.feed(lambda p=path, c=content: plan({**FAMILIES[family], p: c}))
            if changes is not None:
                check(changes)
    campaign.report(f"{family} guests, strange content")
