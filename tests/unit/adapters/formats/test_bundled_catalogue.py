"""The bundled catalogue: zones, prices of other zones, and the flags that sizing relies on."""

import pytest

from v2s_tui.adapters.formats.bundled_catalogue import bundled_catalogue, bundled_zones
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.target.sizing import choose_type
from v2s_tui.domain.units import GIB, MIB


def test_prices_differ_by_zone_and_the_date_is_told() -> None:
    paris, third = bundled_catalogue("fr-par-1"), bundled_catalogue("fr-par-3")
    here, there = paris.get("POP2-2C-8G"), third.get("pop2-2c-8g")
    assert here is not None
    assert there is not None
    assert (here.price_hour_eur, there.price_hour_eur) == (0.0735, 0.11025)
    assert (here.memory_bytes, here.block_bandwidth) == (8 * GIB, 400 * MIB)
    assert (paris.source, paris.as_of.year) == ("bundled", 2026)


def test_windows_types_are_sold_in_two_zones_only() -> None:
    zones = [z for z in bundled_zones() if any(each.windows for each in bundled_catalogue(z).types)]
    assert zones == ["fr-par-1", "fr-par-2"]


@pytest.mark.parametrize("zone", bundled_zones())
@pytest.mark.parametrize("strategy", list(SizingStrategy))
def test_every_zone_has_a_sensible_type_for_a_common_vm(zone: str, strategy: SizingStrategy) -> None:
    vm = Vm("vm-1", "a", cpu_count=4, memory_mb=16384, guest_id="debian12_64Guest")
    found = bundled_catalogue(zone).get(choose_type(vm, bundled_catalogue(zone), strategy).type_name or "")
    assert found is not None
    assert (found.arch, found.gpu_count, found.end_of_service, found.development) == (
        "x86_64",
        0,
        False,
        False,
    )


def test_an_unknown_zone_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="fr-par-1"):
        bundled_catalogue("paris")
