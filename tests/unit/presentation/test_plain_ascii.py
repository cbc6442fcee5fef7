"""ASCII for everything, as wide as before."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from v2s_tui.presentation.plain_ascii import plain_ascii


def test_line_drawing_accents_and_other_scripts_have_their_stand_in() -> None:
    assert plain_ascii("┌─┐│└┘ … → é ü ÷ 数据库 ✔ █▁") == "+-+|++ ~ > e u ? ?????? + #-"
    assert plain_ascii("plain [text]") == "plain [text]"


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"])))
def test_any_text_becomes_ascii_of_the_same_width(text: str) -> None:
    plain = plain_ascii(text)
    assert plain.isascii()
    assert cell_len(plain) == sum(map(cell_len, text))
