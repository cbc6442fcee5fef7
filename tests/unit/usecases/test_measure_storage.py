"""The doctor's upload: timed, and gone again."""

from types import SimpleNamespace

import pytest
from fakes.clock import FakeClock
from fakes.objects import FakeObjects
from fakes.world import World, failing

from v2s_tui.domain.checks import CheckState
from v2s_tui.domain.errors import StorageUnavailable
from v2s_tui.domain.units import MIB
from v2s_tui.usecases.measure_storage import upload_rate
from v2s_tui.usecases.run_doctor import _rate


@pytest.fixture
def services():
    world, clock = World(), FakeClock()
    objects = FakeObjects(world)

    def slow(operation, _about, phase):
        if operation == "upload_file" and phase == "after":
            clock.advance(4)

    world.rules.append(slow)
    scaleway = SimpleNamespace(s3_bucket="transit")
    settings = SimpleNamespace(scaleway=scaleway)
    return SimpleNamespace(settings=settings, objects=lambda: objects, clock=clock, world=world)


def test_the_rate_is_bytes_over_seconds_and_nothing_stays(services):
    assert upload_rate(services) == pytest.approx(4 * MIB)
    assert services.objects().objects == {}
    assert services.objects().uploads == {}


def test_a_failed_measurement_leaves_nothing_either(services):
    services.world.rules.append(failing("upload_file", StorageUnavailable("reset")))
    with pytest.raises(StorageUnavailable):
        upload_rate(services)
    assert services.objects().uploads == {}


def test_a_slow_line_is_warned_of_with_what_it_means():
    slow = _rate(MIB)
    assert slow.state is CheckState.WARN
    assert "100 GB take 26 h" in slow.fix
    assert _rate(100 * MIB).state is CheckState.OK
