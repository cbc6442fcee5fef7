"""Our parser of vCenter's answers: odd values pass, hostile ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vsphere_xml import envelope, missing, object_content, prop, ref_prop, retrieve_answer, vm_row

from v2s_tui.adapters.vsphere.answer import MAX_DEPTH, BadAnswer, ObjectContent, read_body, read_objects
from v2s_tui.adapters.vsphere.values import Ref, items_of, kind_of, many, moment_of, parts_of, text_of


def objects(document: bytes) -> list[ObjectContent]:
    name, result = read_body(document)
    assert name == "RetrievePropertiesExResponse"
    return read_objects(result.get("returnval"))


def test_a_page_has_its_objects_properties_and_token() -> None:
    document = retrieve_answer(vm_row("vm-1", "web-01"), vm_row("vm-2", "web-02"), token="next-7")
    first, second = objects(document)
    assert (first.ref, second.ref) == (Ref("VirtualMachine", "vm-1"), Ref("VirtualMachine", "vm-2"))
    assert first.props["name"] == "web-01"
    assert first.props["runtime.host"] == Ref("HostSystem", "host-20")
    assert parts_of(read_body(document)[1]["returnval"])["token"] == "next-7"


def test_an_empty_result_has_no_objects() -> None:
    body = '<RetrievePropertiesExResponse xmlns="urn:vim25"></RetrievePropertiesExResponse>'
    assert objects(envelope(body)) == []


def test_missing_properties_come_with_their_fault_type() -> None:
    found = objects(
        retrieve_answer(object_content("vm-1", "VirtualMachine", missing("config", "NoPermission")))
    )
    assert found == [ObjectContent(Ref("VirtualMachine", "vm-1"), {}, {"config": "NoPermission"})]


def test_the_xsi_prefix_may_be_any() -> None:
    """Go's encoder (vcsim) declares xsi as `XMLSchema-instance`."""
    document = retrieve_answer(
        vm_row("vm-1", "a", '<propSet><name>x</name><val xsi:type="Odd"></val></propSet>')
    )
    renamed = document.replace(b"xsi:type", b"XMLSchema-instance:type").replace(
        b"xmlns:xsi", b"xmlns:XMLSchema-instance"
    )
    assert objects(renamed) == objects(document)
    assert kind_of(objects(renamed)[0].props["x"]) == "Odd"


def test_arrays_and_repeated_parts_become_lists() -> None:
    array = (
        '<propSet><name>guest.net</name><val xsi:type="ArrayOfGuestNicInfo">'
        '<GuestNicInfo xsi:type="GuestNicInfo"><ipAddress>10.0.0.1</ipAddress><ipAddress>fe80::1</ipAddress>'
        "</GuestNicInfo><GuestNicInfo><macAddress>aa</macAddress></GuestNicInfo></val></propSet>"
    )
    first, second = items_of(objects(retrieve_answer(vm_row("vm-1", "a", array)))[0].props["guest.net"])
    assert many(parts_of(first)["ipAddress"]) == ["10.0.0.1", "fe80::1"]
    assert text_of(parts_of(second).get("macAddress")) == "aa"


def test_an_unknown_enumeration_and_property_do_not_matter() -> None:
    new = '<propSet><name>x.y</name><val xsi:type="BrandNew"><deep><er>1</er></deep></val></propSet>'
    row = vm_row("vm-1", "a", new, power="hibernatedInTheCloud")
    assert objects(retrieve_answer(row))[0].props["runtime.powerState"] == "hibernatedInTheCloud"


@pytest.mark.parametrize("bad", ["\x1b[31mred", "a\x00b", "a&#x1b;b", "a&#27;b"])
def test_characters_xml_forbids_do_not_cost_the_page(bad: str) -> None:
    good, odd = objects(retrieve_answer(vm_row("vm-1", "good"), vm_row("vm-2", bad)))
    assert good.props["name"] == "good"
    assert "\x1b" not in str(odd.props["name"])
    assert "\x00" not in str(odd.props["name"])


def test_bytes_that_are_no_utf8_do_not_cost_the_page() -> None:
    document = retrieve_answer(vm_row("vm-1", "good"), vm_row("vm-2", "odd")).replace(
        b">odd<", b">od\xff\xfe<"
    )
    assert [found.ref.id for found in objects(document)] == ["vm-1", "vm-2"]


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<a>" * (MAX_DEPTH + 2) + b"</a>" * (MAX_DEPTH + 2),
        b"<html><body>Service Unavailable</body></html>",
        b"not xml at all",
        b"",
    ],
)
def test_what_is_no_vcenter_answer_is_refused(document: bytes) -> None:
    with pytest.raises(BadAnswer):
        read_body(document)


@given(st.data())
def test_truncated_answers_are_errors_never_short_lists(data: st.DataObject) -> None:
    document = retrieve_answer(vm_row("vm-1", "a"), vm_row("vm-2", "b"))
    cut = data.draw(st.integers(0, len(document) - 1))
    with pytest.raises(BadAnswer):
        read_body(document[:cut])


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_name_arrives_as_it_was_sent(name: str) -> None:
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = objects(retrieve_answer(object_content("vm-1", "VirtualMachine", prop("name", escaped))))
    assert found[0].props["name"] == name


def test_moments_know_their_zone() -> None:
    moment = moment_of("2026-01-02T03:04:05.678Z")
    assert moment is not None
    assert moment.isoformat() == "2026-01-02T03:04:05.678000+00:00"
    assert moment_of("yesterday") is None


def test_references_keep_their_kind() -> None:
    found = objects(
        retrieve_answer(object_content("vm-1", "VirtualMachine", ref_prop("parent", "Folder", "g-1")))
    )
    assert found[0].props["parent"] == Ref("Folder", "g-1")
