"""Usage statistics: percentiles, missing intervals, VMs and servers without any."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.adapters.vsphere.faults import GONE, VimFaultError
from v2s_tui.adapters.vsphere.usage import measured_use, percentile
from v2s_tui.adapters.vsphere.values import Ref, Value
from v2s_tui.domain.target.sizing import MeasuredUse

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def counter(key: str, group: str, name: str) -> Value:
    return {"key": key, "groupInfo": {"key": group}, "nameInfo": {"key": name}, "rollupType": "average"}


KEPT = [counter("2", "cpu", "usage"), counter("33", "mem", "usage")]
COUNTERS: Value = {"PerfCounterInfo": [*KEPT]}


class PerfServer:
    """Session and retriever in one; answers QueryPerf from `series` and remembers what was asked."""

    def __init__(self, series: Mapping[str, tuple[str, str]], counters: Value = COUNTERS) -> None:
        self.series = series
        self.counters = counters
        self.asked: list[list[Any]] = []
        self.gone: set[str] = set()
        self.content = SimpleNamespace(perfManager=SimpleNamespace(_moId="PerfMgr", QueryPerf=self.query))

    def read(self, _doing: str, ref: Ref, *_paths: str) -> Mapping[str, Value]:
        assert ref == Ref("PerformanceManager", "PerfMgr")
        return {"perfCounter": self.counters}

    def call(self, _doing: str, action: Callable[[], Any], *, repeatable: bool) -> Any:
        return action()

    def server_time(self, _doing: str) -> datetime:
        return NOW

    def managed(self, _kind: str, moref: str) -> Any:
        from pyVmomi import vim

        return vim.VirtualMachine(moref)

    def query(self, specs: list[Any]) -> list[Any]:
        self.asked.append(specs)
        if self.gone & {spec.entity._moId for spec in specs}:
            raise VimFaultError("the object does not exist", hint="", kind=GONE)
        return [self._answer(spec.entity) for spec in specs if spec.entity._moId in self.series]

    def _answer(self, entity: Any) -> Any:
        pairs = zip((2, 33), self.series[entity._moId], strict=True)
        values = [SimpleNamespace(id=SimpleNamespace(counterId=key), value=csv) for key, csv in pairs if csv]
        return SimpleNamespace(entity=entity, value=values)


def use_of(server: PerfServer, *morefs: str, days: int = 7) -> Mapping[str, MeasuredUse]:
    return measured_use(server, server, morefs, days=days)  # type: ignore[arg-type]


def test_use_is_the_95th_percentile_of_what_there_is() -> None:
    cpu = ",".join(["1000"] * 18 + ["2500", "9900", "-1", "-1"])
    server = PerfServer({"vm-1": (cpu, "6250,1200")})
    assert use_of(server, "vm-1") == {"vm-1": MeasuredUse(0.25, 0.625, 7)}


@pytest.mark.parametrize("series", [("", ""), ("100", ""), ("-1,-1", "5")])
def test_vms_without_statistics_are_left_out(series: tuple[str, str]) -> None:
    assert use_of(PerfServer({"vm-1": series}), "vm-1", "vm-2") == {}


def test_a_server_without_the_counters_is_not_asked() -> None:
    server = PerfServer({"vm-1": ("1", "1")}, counters={"PerfCounterInfo": counter("2", "cpu", "usage")})
    assert use_of(server, "vm-1") == {}
    assert server.asked == []


def test_only_counters_are_asked_that_vcenter_keeps_as_it_is_delivered() -> None:
    """At statistics level 1; `mem.active` needs level 2, where few vCenters are set."""
    level_2 = counter("40", "mem", "active")
    server = PerfServer({"vm-1": ("100", "100")}, counters={"PerfCounterInfo": [*KEPT, level_2]})
    assert use_of(server, "vm-1")
    assert {metric.counterId for metric in server.asked[0][0].metricId} == {2, 33}


def test_a_vm_that_is_gone_costs_the_others_nothing() -> None:
    """The list may be of yesterday; one that is gone fails the whole question."""
    server = PerfServer({f"vm-{number}": ("100", "100") for number in range(50)})
    server.gone = {"vm-7", "vm-30"}
    assert set(use_of(server, *server.series)) == set(server.series) - server.gone


def test_many_vms_are_asked_in_chunks_vcenter_accepts() -> None:
    server = PerfServer({f"vm-{number}": ("100", "100") for number in range(70)})
    assert len(use_of(server, *server.series)) == 70
    assert max(sum(len(spec.metricId) for spec in specs) for specs in server.asked) <= 64


@pytest.mark.parametrize(("days", "interval"), [(1, 300), (7, 1800), (8, 7200), (90, 86400)])
def test_the_interval_covers_the_days(days: int, interval: int) -> None:
    server = PerfServer({"vm-1": ("1", "1")})
    use_of(server, "vm-1", days=days)
    assert server.asked[0][0].intervalId == interval
    assert (NOW - server.asked[0][0].startTime).days == days


@given(st.lists(st.integers(0, 10**6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_a_sample_that_the_share_does_not_exceed(samples: list[int], share: float) -> None:
    found = percentile(samples, share)
    assert found in samples
    assert sum(sample <= found for sample in samples) >= share * len(samples)
