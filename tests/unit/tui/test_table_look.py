"""Arranging columns and sorting rows, without a screen."""

from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.presentation.columns import Column
from v2s_tui.tui.table_look import MOST_WIDTH, TableLook

COLUMNS = tuple(Column(name, name, 10, lambda row, name=name: str(row[name])) for name in "abcd")
NAMES = st.sampled_from("abcd")
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("moved"), NAMES, st.integers(-5, 5)),
        st.tuples(st.just("widened"), NAMES, st.integers(-100, 100)),
        st.tuples(st.just("toggled"), NAMES, st.just(0)),
    ),
    max_size=12,
)


@given(EDITS)
def test_no_edit_loses_or_doubles_a_column_and_the_session_gives_the_same_back(
    edits: list[tuple[str, str, int]],
) -> None:
    look = TableLook()
    for kind, name, step in edits:
        look = look.toggled(name) if kind == "toggled" else getattr(look, kind)(COLUMNS, name, step)
    assert sorted(each.name for each in look.arranged(COLUMNS)) == list("abcd")
    assert look.shown(COLUMNS)
    assert all(1 <= each.width <= MOST_WIDTH for each in look.arranged(COLUMNS))
    assert TableLook.from_dict(look.to_dict()) == look


def test_a_column_the_order_does_not_know_comes_last() -> None:
    look = TableLook(order=("c", "a"))
    assert [each.name for each in look.arranged(COLUMNS)] == ["c", "a", "b", "d"]


def test_the_same_column_again_turns_the_order_round() -> None:
    rows = [{"a": each} for each in "bca"]
    look = TableLook().sorted_by("a")
    assert [row["a"] for row in look.sorted(COLUMNS, rows)] == ["a", "b", "c"]
    assert [row["a"] for row in look.sorted_by("a").sorted(COLUMNS, rows)] == ["c", "b", "a"]
    assert [row["a"] for row in TableLook(reverse=True).sorted(COLUMNS, rows)] == ["a", "c", "b"]
