"""The quick way through a page gives what the general way gives, or steps aside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vsphere_xml import PLACES, envelope, missing, object_content, prop, ref_prop, retrieve_answer, vm_row

from v2s_tui.adapters.vsphere.answer import BadAnswer, read_body, read_objects, read_page
from v2s_tui.adapters.vsphere.simple_page import cut_out
from v2s_tui.adapters.vsphere.values import parts_of

NESTED = '<propSet><name>x</name><val xsi:type="Odd"><objects><obj type="A">b</obj></objects></val></propSet>'
ROWS = (
    vm_row("vm-1", "web-01"),
    vm_row("vm-2", "a &amp; b &#233;&#x2603; &gt;"),
    object_content("vm-3", "VirtualMachine"),
    object_content("vm-4", "VirtualMachine", prop("name", "")),
    object_content("vm-5", "VirtualMachine", prop("name", "", "Odd")),
    object_content("vm-6", "VirtualMachine", missing("config", "NoPermission")),
    object_content("vm-7", "VirtualMachine", ref_prop("runtime.host", "HostSystem", "host-1")),
    object_content("vm-8", "VirtualMachine", NESTED),
    object_content("vm-9", "VirtualMachine", prop("name", "a<!-- no -->b")),
    object_content("vm-10", "VirtualMachine", '<propSet><name>x</name><val a="1>2">y</val></propSet>'),
    object_content("vm-11", "VirtualMachine", "<propSet><name>x</name><val/></propSet>"),
    object_content("vm-12", "VirtualMachine", " <propSet> <name>x</name><val>y</val></propSet>"),
    object_content(
        "vm-13", "VirtualMachine", "<propSet><name>x</name><val>1</val></propSet><extra>1</extra>"
    ),
    object_content("vm-14", "VirtualMachine", "<propSet><name>a&amp;b</name><val>1</val></propSet>"),
    object_content("vm-15", "VirtualMachine", "<propSet><name>x</name><val>1</val><val>2</val></propSet>"),
    *PLACES,
)


def general(document: bytes) -> object:
    name, parts = read_body(document)
    return name, parts_of(parts.get("returnval")).get("token"), read_objects(parts.get("returnval"))


def page(document: bytes) -> object:
    name, parts, objects = read_page(document)
    return name, parts_of(parts.get("returnval")).get("token"), objects


@given(st.lists(st.sampled_from(ROWS), max_size=6), st.sampled_from(["", "token-7"]))
def test_both_ways_agree(rows: list[str], token: str) -> None:
    document = retrieve_answer(*rows, token=token)
    assert page(document) == general(document)


def test_rows_of_the_list_take_the_quick_way() -> None:
    document = retrieve_answer(*ROWS[:4], token="next").decode()
    quick = cut_out(document)
    assert quick is not None
    frame, found = quick
    assert [ref.id for ref, _ in found] == ["vm-1", "vm-2", "vm-3", "vm-4"]
    assert "<objects>" not in frame
    assert "next" in frame


@pytest.mark.parametrize("row", [*ROWS[4:6], *ROWS[7:15]])
def test_everything_else_takes_the_general_way(row: str) -> None:
    assert cut_out(retrieve_answer(ROWS[0], row).decode()) is None


def test_objects_elsewhere_are_not_the_results() -> None:
    document = envelope(f"<R><returnval><other>{ROWS[0]}</other></returnval></R>")
    assert cut_out(document.decode()) is None
    assert page(document) == general(document) == ("R", None, [])


@given(st.data())
def test_truncated_pages_are_errors(data: st.DataObject) -> None:
    document = retrieve_answer(*ROWS[:4])
    with pytest.raises(BadAnswer):
        read_page(document[: data.draw(st.integers(0, len(document) - 1))])
