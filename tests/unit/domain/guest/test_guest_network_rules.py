"""Which plan entry governs which interface of the guest."""

from v2s_tui.domain.guest.network import NicPlan, SourceInterface, match_nics

FIRST = NicPlan(source_mac="00:50:56:aa:bb:01")
SECOND = NicPlan(source_mac="00:50:56:aa:bb:02", target_name="ens5")


def test_mac_decides_before_order() -> None:
    interfaces = (
        SourceInterface("ens224", "00:50:56:AA:BB:02"),
        SourceInterface("ens192", "00:50:56:aa:bb:01"),
    )
    assert match_nics(interfaces, (FIRST, SECOND)) == ((interfaces[0], SECOND), (interfaces[1], FIRST))


def test_name_decides_where_no_mac_is_pinned() -> None:
    named = NicPlan(source_name="ens224", target_name="ens5")
    interfaces = (SourceInterface("ens192"), SourceInterface("ens224"))
    assert match_nics(interfaces, (NicPlan(), named)) == ((interfaces[0], NicPlan()), (interfaces[1], named))


def test_an_adapted_interface_is_recognised_by_its_target_name() -> None:
    interfaces = (SourceInterface("other"), SourceInterface("ens2"))
    assert match_nics(interfaces, (NicPlan(),)) == ((interfaces[0], None), (interfaces[1], NicPlan()))


def test_interfaces_beyond_the_plan_are_left_alone() -> None:
    interfaces = (SourceInterface("ens192"), SourceInterface("ens224"))
    assert match_nics(interfaces, (NicPlan(),))[1] == (interfaces[1], None)


def test_the_name_at_the_source_goes_before_the_name_at_the_target() -> None:
    crossed = (
        NicPlan(source_name="eth1", target_name="eth0"),
        NicPlan(source_name="eth0", target_name="eth1"),
    )
    interfaces = (SourceInterface("eth0"), SourceInterface("eth1"))
    assert [nic for _, nic in match_nics(interfaces, crossed)] == [crossed[1], crossed[0]]


def test_order_decides_where_a_known_name_has_no_configuration() -> None:
    known = NicPlan(source_name="lan0")
    assert match_nics((SourceInterface("ens192"),), (known,)) == ((SourceInterface("ens192"), known),)


def test_order_is_that_of_the_numbers_where_names_have_them() -> None:
    nics = (NicPlan(), NicPlan(target_name="ens5"))
    files_first = (SourceInterface("ens160"), SourceInterface("ens32"))
    assert [nic for _, nic in match_nics(files_first, nics)] == [nics[1], nics[0]]
    own_names = (SourceInterface("wan1"), SourceInterface("lan0"))
    assert [nic for _, nic in match_nics(own_names, nics)] == [*nics]
