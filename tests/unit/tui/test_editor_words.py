"""Which editor opens the plan, from what an environment can hold."""

import pytest

from v2s_tui.tui.plan_editor import editor_words


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, ["vi"]),
        ({"EDITOR": " "}, ["vi"]),
        ({"EDITOR": "nano -w"}, ["nano", "-w"]),
        ({"EDITOR": "nano", "VISUAL": "'/opt/my editor/e' --wait"}, ["/opt/my editor/e", "--wait"]),
        ({"EDITOR": 'vi "'}, ['vi "']),
    ],
)
def test_the_editor_is_what_the_environment_says(environ: dict[str, str], words: list[str]) -> None:
    assert editor_words(environ) == words
