"""The filter language: semantics of every key, errors that point, and its laws as properties."""

import fnmatch
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2s_tui.domain.errors import FilterError
from v2s_tui.domain.source.filters import Filter, combine_filters, named_filter, parse_filter, size_filter
from v2s_tui.domain.source.filters_facets import FACETS, facet_counts
from v2s_tui.domain.source.filters_keys import KEYS, glob
from v2s_tui.domain.source.vm import Disk, Firmware, Nic, PowerState, Snapshot, Vm
from v2s_tui.domain.units import GIB


def disk(size_gib: int, datastore: str = "ds1") -> Disk:
    return Disk(2000, "Hard disk 1", size_gib * GIB, datastore=datastore)


WEB = Vm(
    moref="vm-1",
    name="web-01",
    folder="/DC1/Production",
    datacenter="DC1",
    cluster="prod-a",
    host="esxi-01.lan",
    power_state=PowerState.ON,
    cpu_count=4,
    memory_mb=8192,
    guest_id="debian12_64Guest",
    firmware=Firmware.EFI,
    disks=(disk(40), disk(60, "ds2")),
    nics=(Nic(4000, "NIC 1", "00:50:56:00:00:01", port_group="VLAN 10"),),
    tags=("env/prod", "lab/tier:web"),
    tools_status="toolsOk",
)
WIN = Vm(
    moref="vm-2",
    name="win-sql [old]",
    folder="/DC1/Production2",
    datacenter="DC1",
    cluster="prod-b",
    host="esxi-02",
    power_state=PowerState.OFF,
    cpu_count=8,
    memory_mb=65536,
    guest_id="windows2019srv_64Guest",
    firmware=Firmware.BIOS,
    disks=(disk(500),),
    snapshots=(Snapshot("snap-1", "before patch"),),
    tools_status="toolsNotInstalled",
)
MAC = Vm(moref="vm-3", name="mac", folder="/DC2", datacenter="DC2", guest_id="darwin19_64Guest", cpu_count=1)
VMS = (WEB, WIN, MAC)


def names(text: str) -> set[str]:
    return {vm.name for vm in parse_filter(text).select(VMS)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"web-01", "win-sql [old]", "mac"}),
        ("name:web-*", {"web-01"}),
        ("WEB-*", {"web-01"}),
        ("web", set()),
        ("name:/DC1/Production/*", {"web-01"}),
        ("/DC1/vm/Production/web-01", {"web-01"}),
        ('name:"win-sql [old]"', {"win-sql [old]"}),
        (r"regex:^w\w+-\d+$", {"web-01"}),
        ("regex:sql", {"win-sql [old]"}),
        ("folder:/DC1/Production", {"web-01"}),
        ("folder:/DC1/vm/Production/", {"web-01"}),
        ("folder:/DC1", {"web-01", "win-sql [old]"}),
        ("folder:/DC1/Prod*", {"web-01", "win-sql [old]"}),
        ("os:linux", {"web-01"}),
        ("os:windows", {"win-sql [old]"}),
        ("os:other", {"mac"}),
        ("os_id:debian*", {"web-01"}),
        ("guest_os:windows*", {"win-sql [old]"}),
        ("tag:env/prod", {"web-01"}),
        ("tag:prod", {"web-01"}),
        ("tag:web", {"web-01"}),
        ("tag:nothing", set()),
        ("host:esxi-0[12]*", {"web-01", "win-sql [old]"}),
        ("cluster:prod-b", {"win-sql [old]"}),
        ("dc:dc2", {"mac"}),
        ("datacenter:DC1", {"web-01", "win-sql [old]"}),
        ("dc:DC*", set()),
        ("state:poweredOn", {"web-01"}),
        ("state:off", {"win-sql [old]"}),
        ("state:powered", {"web-01", "win-sql [old]"}),
        ("firmware:uefi", {"web-01"}),
        ("firmware:bios", {"win-sql [old]"}),
        ("datastore:ds2", {"web-01"}),
        ('network:"VLAN *"', {"web-01"}),
        ("tools:notinstalled", {"win-sql [old]"}),
        ("tools:*Ok", {"web-01"}),
        ("tools:running", {"web-01"}),
        ("tools:toolsOk", {"web-01"}),
        ("tools:unknown", {"mac"}),
        ("snapshot:yes", {"win-sql [old]"}),
        ("snapshot:no", {"web-01", "mac"}),
        ("snapshot:>=1", {"win-sql [old]"}),
        ("snapshot:before*", {"win-sql [old]"}),
        ("disks:2", {"web-01"}),
        ("disks:0", {"mac"}),
        ("cpu:>=4", {"web-01", "win-sql [old]"}),
        ("cpu:<4", {"mac"}),
        ("cpu:4..8", {"web-01", "win-sql [old]"}),
        ("ram:8", {"web-01"}),
        ("ram:>8G", {"win-sql [old]"}),
        ("disk:<500", {"web-01", "mac"}),
        ("disk:<=500", {"web-01", "win-sql [old]", "mac"}),
        ("disk:>0.4TiB", {"win-sql [old]"}),
        ("!os:linux", {"win-sql [old]", "mac"}),
        ("!web-* !mac", {"win-sql [old]"}),
        ("name:web-* name:mac", {"web-01", "mac"}),
        ("os:linux os:windows cpu:>4", {"win-sql [old]"}),
        ("cpu:1 cpu:8", {"win-sql [old]", "mac"}),
        ("cpu:<2 cpu:>4", {"win-sql [old]", "mac"}),
    ],
)
def test_what_each_filter_selects(text: str, expected: set[str]) -> None:
    assert names(text) == expected
    found = parse_filter(text)
    assert [vm for vm in VMS if found.matches(vm)] == found.select(VMS)


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("os:linux nmae:web", 10, "did you mean name:?"),
        ("regex:(", 7, "regular expression"),
        ("os:linus", 4, "linux"),
        ("cpu:>=x", 7, "cpu:>=4"),
        ("cpu:", 1, "value"),
        ("!", 1, "value"),
        ('name:"web', 6, "end it"),
        ("state:up", 7, "poweredOn"),
        ("tools:runing", 7, "running"),
        ("firmware:bois", 10, "bios"),
        ("cpu:8..2", 5, "cpu:2..8"),
        ("disks:2G", 7, "disks:"),
        ("zzzz:1", 1, "known keys"),
        ("cpu:>=2 cpu:<=8", 1, "cpu:2..8"),
        ('"a"b', 4, ""),
        ("ram:..8", 5, "ram:"),
    ],
)
def test_mistakes_point_at_the_character(text: str, column: int, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert caught.value.position.column == column
    assert says in str(caught.value)


def test_texts_combine_like_one_line() -> None:
    assert combine_filters(["os:linux", "name:a*", "name:b*"]) == parse_filter("os:linux name:a* name:b*")


def test_size_options_include_their_ends() -> None:
    assert size_filter(min_cpu=4, max_cpu=4, max_disk=100).select(VMS) == [WEB]
    assert size_filter() == Filter()
    with pytest.raises(FilterError):
        size_filter(min_ram=8, max_ram=4)


KEPT = {
    "prod": "folder:/DC1/Production",
    "big": "cpu:>=8",
    "both": "@prod @big",
    "loop": "@pool",
    "pool": "@loop",
}


def test_kept_filters_are_used_by_name() -> None:
    assert combine_filters(["@prod", "os:linux"], KEPT).select(VMS) == [WEB]
    assert named_filter("both", KEPT) == parse_filter("folder:/DC1/Production cpu:>=8")
    assert combine_filters(["name:a@prod"], KEPT) == parse_filter("name:a@prod")


@pytest.mark.parametrize(("name", "says"), [("prd", "@prod"), ("loop", "contains itself"), ("zz", "kept: ")])
def test_names_that_mean_no_filter(name: str, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        combine_filters([f"os:linux @{name}"], KEPT)
    assert says in str(caught.value)


_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
_number = st.integers(0, 10**6).map(str) | st.decimals(0, 999, places=3).map(str)
_bound = st.builds("{}{}".format, st.sampled_from(["", ">=", "<", ">", "<=", "="]), _number)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_terms = st.one_of(
    st.builds(
        "{}:{}".format,
        st.sampled_from(["name", "host", "tag", "cluster", "folder", "snapshot"]),
        _text.map(_quoted),
    ),
    st.builds("{}:{}".format, st.sampled_from(["cpu", "ram", "disk", "disks", "snapshot"]), _bound),
    st.sampled_from(["os:linux", "state:on", "firmware:efi", "dc:DC1", "snapshot:yes", "cpu:2..8", "web-*"]),
)
_filters = st.lists(st.builds("{}{}".format, st.sampled_from(["", "!"]), _terms), max_size=6).map(" ".join)


@given(_filters)
@settings(max_examples=200, deadline=None)
def test_a_printed_filter_parses_to_the_same_filter(text: str) -> None:
    try:
        found = parse_filter(text)
    except FilterError as err:
        assert "every VM meets" in err.title  # noqa: PT017
        return
    again = parse_filter(str(found))
    assert again == found
    assert again.select(VMS) == found.select(VMS)


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        parse_filter(text).select(VMS)
    except FilterError as err:
        assert err.position.column is not None  # noqa: PT017


@given(_filters)
@settings(max_examples=100, deadline=None)
def test_more_keys_never_select_more(text: str) -> None:
    try:
        wide, narrow = parse_filter(text), parse_filter(f"{text} regex:e")
    except FilterError:
        return
    assert set(map(id, narrow.select(VMS))) <= set(map(id, wide.select(VMS)))


def test_every_key_has_a_help_line() -> None:
    assert all(key.help for key in KEYS.values())


def test_facets_count_values_and_their_terms_select_them() -> None:
    for key in FACETS:
        for term, count in facet_counts(VMS, key):
            selected = parse_filter(str(term)).select(VMS)
            assert len(selected) >= count
    assert [(str(term), count) for term, count in facet_counts(VMS, "dc")] == [("dc:DC1", 2), ("dc:DC2", 1)]


def test_ten_thousand_vms_in_a_few_milliseconds() -> None:
    vms = [
        Vm(moref=f"vm-{n}", name=f"web-{n:05}", guest_id="debian12_64Guest", cpu_count=n % 16)
        for n in range(10_000)
    ]
    found = parse_filter("os:linux web-* cpu:>=4 !name:*9")
    found.select(vms[:10])
    start = time.process_time()
    assert len(found.select(vms)) > 1000
    assert time.process_time() - start < 0.2


def test_both_vocabularies_of_tools_are_understood() -> None:
    running = Vm("vm-1", "a", tools_status="guestToolsRunning")
    stopped = Vm("vm-2", "b", tools_status="guestToolsNotRunning")
    assert parse_filter("tools:running").select((running, stopped)) == [running]
    assert parse_filter("tools:ok").select((running, stopped)) == [running]
    assert parse_filter("tools:notRunning").select((running, stopped)) == [stopped]


@given(st.text("aB.-ö ", min_size=1, max_size=3), st.text("abB.-Ö []", max_size=12))
def test_a_piece_of_a_name_between_stars_matches_as_the_pattern_does(piece: str, name: str) -> None:
    expected = fnmatch.fnmatchcase(name.casefold(), f"*{piece.casefold()}*")
    assert glob(f"*{piece}*")(name) is expected
