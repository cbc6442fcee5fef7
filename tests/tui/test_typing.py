"""What is typed: filters select step by step what they select at once; words and paths are completed."""

from pathlib import Path

import pytest
from app_under_test import inventory_vms

from v2s_tui.domain.source.filters import Filter, combine_filters
from v2s_tui.presentation.filter_words import completions, found_anywhere, last_word, on_its_way
from v2s_tui.tui.narrowing import Narrowing
from v2s_tui.tui.path_suggester import PathSuggester

VMS = tuple(inventory_vms().values())
TYPED = (
    "",
    "os:linux",
    "os:linux *web*",
    "os:linux *web* !name:web-dev-01",
    "cpu:>2 *web* *app*",
    "os:linux",
    "",
)


def test_every_text_after_every_other_selects_the_same() -> None:
    narrowing = Narrowing()
    for before in TYPED:
        for text in TYPED:
            narrowing.select(VMS, combine_filters([before]))
            wanted = combine_filters([text])
            assert narrowing.select(VMS, wanted) == wanted.select(VMS), (before, text)


def test_another_inventory_is_looked_at_anew() -> None:
    narrowing = Narrowing()
    narrowing.select(VMS, Filter())
    assert narrowing.select(VMS[:2], Filter()) == list(VMS[:2])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("web", "*web*"),
        ("!web os:linux", "!*web* os:linux"),
        ("web-* name:db @mine [x] /DC1", "web-* name:db @mine [x] /DC1"),
        ('tag:"a b" c', 'tag:"a b" *c*'),
    ],
)
def test_a_piece_of_a_name_finds_all_that_hold_it_and_patterns_stay(typed: str, meant: str) -> None:
    assert found_anywhere(typed) == meant


VALUES = {"os": (("linux", 9), ("windows", 1)), "tag": (("a b", 2),), "@": (("mine", 0),)}


def test_keys_and_values_complete_the_last_word() -> None:
    assert last_word("os:linux !ta") == ("os:linux ", "!ta")
    assert [each.word for each in completions("!ta", VALUES)] == ["!tag:"]
    assert [(each.word, each.count) for each in completions("os:WIN", VALUES)] == [("os:windows", 1)]
    assert [each.word for each in completions('tag:"a', VALUES)] == ['tag:"a b"']
    assert [each.word for each in completions("@m", VALUES)] == ["@mine"]
    assert completions("", VALUES) == []


def test_a_word_on_its_way_says_what_it_can_become_and_a_wrong_one_does_not() -> None:
    assert on_its_way("os:", VALUES) == "os: linux 9  windows 1"
    assert on_its_way("cpu:>=", VALUES).startswith("cpu: vCPUs")
    assert on_its_way("@", VALUES) == "kept:  @mine"
    assert on_its_way("@x", VALUES) == ""
    assert on_its_way("cpu:many", VALUES) == ""
    assert on_its_way("os:solaris", VALUES) == ""
    assert on_its_way("nmae:x", VALUES) == ""


async def test_a_path_is_completed_with_plan_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    for name in ("plan.txt", "plans/night.yaml", ".hidden.yaml"):
        (tmp_path / name).touch()
    suggester = PathSuggester(".yaml")
    assert await suggester.get_suggestion(f"{tmp_path}/pl") == f"{tmp_path}/plans/"
    assert await suggester.get_suggestion(f"{tmp_path}/plans/") == f"{tmp_path}/plans/night.yaml"
    assert await suggester.get_suggestion(f"{tmp_path}/.h") == f"{tmp_path}/.hidden.yaml"
    assert await suggester.get_suggestion(f"{tmp_path}/nowhere/x") is None
