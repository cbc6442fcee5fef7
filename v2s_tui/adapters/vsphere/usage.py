"""What VMs really used, from vCenter's statistics: for the sizing strategy `rightsize`.

Averages of CPU and memory usage over vCenter's own intervals, reduced to their 95th percentile. VMs without
statistics (new, long off, or on a server that keeps none) are left out.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.values import Ref, items_of, number_of, parts_of, text_of
from v2s_tui.domain.target.sizing import MeasuredUse

_CHUNK_SIZE = 30
"""Two counters each: vCenter answers at most 64 series at once (config.vpxd.stats.maxQueryMetrics)."""
_INTERVALS = ((1, 300), (7, 1800), (30, 7200), (365, 86400))
"""Days of history -> seconds of vCenter's historical interval that still covers them."""
_CPU, _MEMORY = "cpu.usage.average", "mem.usage.average"
"""Kept at statistics level 1, as vCenter is delivered; `mem.active` needs level 2 (vSphere documentation,
Data Collection Levels). A VM's memory usage is its active memory as a share of what it is configured with.
"""
_UNIT = 10_000
"""Both count hundredths of a percent."""
_DOING = "Reading usage statistics"


def measured_use(
    session: Session, retriever: Retriever, vm_morefs: Iterable[str], *, days: int = 7
) -> Mapping[str, MeasuredUse]:
    """VM moref -> its use over the last days (at most 365). Raises SourceError and its kinds."""
    if session.content.perfManager is None:
        return {}
    counters = _counters(retriever, str(session.content.perfManager._moId))
    if not {_CPU, _MEMORY} <= set(counters):
        return {}
    morefs = list(vm_morefs)
    found: dict[str, MeasuredUse] = {}
    for start in range(0, len(morefs), _CHUNK_SIZE):
        for answer in _query_existing(session, morefs[start : start + _CHUNK_SIZE], counters, days):
            use = _use(answer, counters, days)
            if use is not None:
                found[str(answer.entity._moId)] = use
    return found


def _counters(retriever: Retriever, manager: str) -> dict[str, int]:
    """`cpu.usage.average` -> counter id, which differs between vCenters."""
    props = retriever.read(_DOING, Ref("PerformanceManager", manager), "perfCounter")
    found: dict[str, int] = {}
    for counter in map(parts_of, items_of(props.get("perfCounter"))):
        group = text_of(parts_of(counter.get("groupInfo")).get("key"))
        name = text_of(parts_of(counter.get("nameInfo")).get("key"))
        found[f"{group}.{name}.{text_of(counter.get('rollupType'))}"] = number_of(counter.get("key"))
    return found


def _query_existing(
    session: Session, morefs: Sequence[str], counters: Mapping[str, int], days: int
) -> Iterable[Any]:
    """The answers for VMs that exist: one that is gone fails the whole call, so the chunk is halved."""
    try:
        return _query(session, morefs, counters, days)
    except faults.VimFaultError as err:
        if err.kind != faults.GONE:
            raise
    if len(morefs) == 1:
        return ()
    half = len(morefs) // 2
    parts = (morefs[:half], morefs[half:])
    return [answer for part in parts for answer in _query_existing(session, part, counters, days)]


def _query(session: Session, morefs: Sequence[str], counters: Mapping[str, int], days: int) -> Iterable[Any]:
    from pyVmomi import vim

    query = vim.PerformanceManager
    since = session.server_time(_DOING) - timedelta(days=days)
    metrics = [query.MetricId(counterId=counters[name], instance="") for name in (_CPU, _MEMORY)]
    interval = next(seconds for reach, seconds in _INTERVALS if days <= reach)
    specs = [
        query.QuerySpec(
            entity=session.managed("VirtualMachine", moref),
            startTime=since,
            metricId=metrics,
            intervalId=interval,
            format="csv",
        )
        for moref in morefs
    ]
    manager = session.content.perfManager
    answers: Iterable[Any] = session.call(_DOING, lambda: manager.QueryPerf(specs), repeatable=True)
    return answers


def _use(answer: Any, counters: Mapping[str, int], days: int) -> MeasuredUse | None:
    series = {one.id.counterId: _samples(str(one.value)) for one in answer.value}
    cpu, memory = series.get(counters[_CPU]), series.get(counters[_MEMORY])
    if not cpu or not memory:
        return None
    return MeasuredUse(
        cpu_share=min(1.0, percentile(cpu, 0.95) / _UNIT),
        memory_share=min(1.0, percentile(memory, 0.95) / _UNIT),
        days=days,
    )


def _samples(values: str) -> list[int]:
    """The numbers of a CSV series; -1 stands for an interval without data."""
    numbers = (number_of(value.strip(), default=-1) for value in values.split(","))
    return [number for number in numbers if number >= 0]


def percentile(samples: Sequence[int], share: float) -> int:
    """Nearest rank: the smallest sample that at least this share of them does not exceed."""
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]
