"""Who may start now, and who blocks whom: the rules that the engine and the simulation share.

A request names everything it needs and gets all of it at once or nothing, so nobody waits while holding and
nothing can deadlock. Requests of later stages go first (finish what is started), then by priority, then in
the order of asking. A VM holds `global` and its work space from its start to its end (reference: terminal.md
section 4). No clock, no I/O, no threads.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.stages import Stage, limits_of_stage, stage_order

START_ORDER = -1
"""Order of a VM's first request, before any stage."""
WORK_SPACE = "work_space"
NOT_TOGETHER = "not_together"


@dataclass(frozen=True, slots=True)
class Request:
    """What one VM needs to go on, all or nothing.

    needs: names such as `disk_io`, `per_esxi_host:esxi-01`, `not_together:0`. order: of the stage; later ones
    go first. priority: 1 first. sequence: order of asking, unique in an Admission. work_bytes: peak of local
    disk that the VM will need until it ends.
    """

    vm: str
    needs: frozenset[str]
    order: int = START_ORDER
    priority: int = 5
    sequence: int = 0
    work_bytes: int = 0

    @property
    def rank(self) -> tuple[int, int, int]:
        """Sorts who goes first."""
        return (-self.order, self.priority, self.sequence)


@dataclass(frozen=True, slots=True)
class Block:
    """One reason to wait. limit: as in Request.needs, or `work_space`. holders: VMs that have it now."""

    limit: str
    holders: tuple[str, ...]


def start_request(
    vm: str, *, priority: int = 5, sequence: int = 0, work_bytes: int = 0, groups: Iterable[int] = ()
) -> Request:
    """What a VM needs to start at all. groups: indexes of the `not_together` groups it belongs to."""
    needs = frozenset({Limit.GLOBAL.value, *(f"{NOT_TOGETHER}:{group}" for group in groups)})
    return Request(vm, needs, START_ORDER, priority, sequence, work_bytes)


def stage_request(
    vm: str,
    stage: Stage,
    *,
    esxi_host: str = "",
    priority: int = 5,
    sequence: int = 0,
    overlap: bool = False,
) -> Request:
    """What a stage needs. A VM whose host is unknown shares the limit of host `default`.

    overlap: the export uploads, too.
    """
    limits = limits_of_stage(stage, overlap=overlap)
    needs = frozenset(limit_name(limit, esxi_host) for limit in limits)
    return Request(vm, needs, stage_order(stage), priority, sequence)


def limit_name(limit: Limit, esxi_host: str = "") -> str:
    """`disk_io`, or `per_esxi_host:esxi-01` for the limit that exists once per host."""
    return f"{limit.value}:{esxi_host or 'default'}" if limit is Limit.PER_ESXI_HOST else limit.value


_Line = list[tuple[tuple[int, int, int], Request]]
"""Requests with the same needs by rank: when the first cannot start, none can."""


class Admission:
    """Who waits and who holds what.

    `ask`, then `admit` names those who start; `release` when all has ended.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._paused: set[str] = set()
        self._lines: dict[frozenset[str], _Line] = {}
        self._holders: dict[str, dict[str, None]] = {}
        self._reserved: dict[str, int] = {}

    @property
    def limits(self) -> Limits:
        """The limits as they are now."""
        return self._limits

    def change_limits(self, limits: Limits) -> None:
        """New limits from now on; who holds more than allowed keeps it until it ends."""
        self._limits = limits

    def pause(self, limit: Limit) -> None:
        """Nobody new gets this limit."""
        self._paused.add(limit.value)

    def unpause(self, limit: Limit) -> None:
        """The limit may be taken again."""
        self._paused.discard(limit.value)

    def ask(self, request: Request) -> None:
        """Wait for everything the request needs."""
        insort(self._lines.setdefault(request.needs, []), (request.rank, request))

    def withdraw(self, request: Request) -> None:
        """Wait no longer; nothing happens when the request does not wait."""
        line = self._lines.get(request.needs, [])
        place = bisect_left(line, request.rank, key=lambda each: each[0])
        if place < len(line) and line[place][1] == request:
            del line[place]

    def release(self, request: Request) -> None:
        """Give back what was granted. Raises KeyError when the VM does not hold it."""
        for name in request.needs:
            del self._holders[name][request.vm]
        if request.work_bytes:
            del self._reserved[request.vm]

    def need_less(self, vm: str, work_bytes: int) -> None:
        """A VM that runs needs no more of the work disk than this from now on; more changes nothing."""
        if vm in self._reserved:
            self._reserved[vm] = min(self._reserved[vm], work_bytes)

    def admit(self, *, free_bytes: int | None = None) -> list[Request]:
        """Those who start now, best rank first; they hold what they need from here on.

        free_bytes: local disk that is neither used nor reserved; None means plenty. Work space goes strictly
        in order: while the first VM waits for it, no later one takes any, so a large VM is not starved.
        """
        started: list[Request] = []
        heads = [(line[0][0], needs) for needs, line in self._lines.items() if line]
        heapq.heapify(heads)
        while heads:
            _, needs = heapq.heappop(heads)
            if not all(self._free(name) for name in needs):
                continue
            line = self._lines[needs]
            request = line[0][1]
            if request.work_bytes and free_bytes is not None:
                if request.work_bytes > free_bytes:
                    free_bytes = 0
                    continue
                free_bytes -= request.work_bytes
            del line[0]
            self._hold(request)
            started.append(request)
            if line:
                heapq.heappush(heads, (line[0][0], needs))
        return started

    def start(self, request: Request) -> None:
        """Let one that waits go before its turn; for the caller to know that nothing speaks against it."""
        self.withdraw(request)
        self._hold(request)

    def blockers(self, request: Request, *, free_bytes: int | None = None) -> tuple[Block, ...]:
        """Why this request waits: every limit that is full, and the work space; who holds them."""
        full = tuple(
            Block(name, self.holders(name)) for name in sorted(request.needs) if not self._free(name)
        )
        if request.work_bytes and free_bytes is not None and not full:
            return (Block(WORK_SPACE, tuple(self._reserved)),)
        return full

    def waiting(self) -> Iterator[Request]:
        """All who wait, best rank first."""
        return (each for _, each in heapq.merge(*self._lines.values()))

    def holders(self, name: str) -> tuple[str, ...]:
        """VMs that hold this limit, longest first."""
        return tuple(self._holders.get(name, ()))

    def held(self) -> dict[str, tuple[str, ...]]:
        """All limits that somebody holds."""
        return {name: tuple(vms) for name, vms in self._holders.items() if vms}

    @property
    def reserved_bytes(self) -> int:
        """Work space promised to VMs that have started and not ended."""
        return sum(self._reserved.values())

    def capacity(self, name: str) -> int:
        """How many may hold this limit now; 0 while it is paused."""
        kind = name.partition(":")[0]
        if kind == NOT_TOGETHER:
            return 1
        return 0 if kind in self._paused else self._limits.of(Limit(kind))

    def _free(self, name: str) -> bool:
        return len(self._holders.get(name, ())) < self.capacity(name)

    def _hold(self, request: Request) -> None:
        for name in request.needs:
            holders = self._holders.setdefault(name, {})
            if request.vm in holders:
                raise ValueError(f"{request.vm} holds {name} already")
            holders[request.vm] = None
        if request.work_bytes:
            self._reserved[request.vm] = request.work_bytes
