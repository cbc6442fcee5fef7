"""The limits as leases on the event loop: taken all at once, held until the outside work has really ended.

Which request goes next is decided by domain/planning/scheduling.py, the same rules the forecast uses. Runs on
the event loop only; worker threads reach it through StageRun.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from v2s_tui.domain.errors import Cancelled, WorkDiskFull
from v2s_tui.domain.execution.snapshot import BlockedBy, LimitRow
from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.scheduling import START_ORDER, Admission, Request
from v2s_tui.domain.units import format_bytes


@dataclass(slots=True, eq=False)
class _Waiter:
    """parked: why the request is not even put to the Admission ("" it is)."""

    request: Request
    granted: asyncio.Future[None]
    since: datetime
    continuing: bool
    parked: str = ""


class Leases:
    """Grants requests as capacity allows.

    free_bytes: called when a request needs work space: what is free and no running VM will still fill; None
    means plenty.
    """

    def __init__(
        self, limits: Limits, *, now: Callable[[], datetime], free_bytes: Callable[[], int | None]
    ) -> None:
        self._admission = Admission(limits)
        self._free_bytes = free_bytes
        self._now = now
        self._waiters: list[_Waiter] = []
        self._paused: frozenset[Limit] = frozenset()
        self._closed = ""
        self._not_yet = ""
        self.space: dict[str, int] = {}
        """Work space promised to VMs as they started, in bytes, also where that is none."""

    # --- taking and giving back

    async def take(self, request: Request, *, continuing: bool = False) -> None:
        """Wait until the request is granted. continuing: a running stage takes back what it lent while it
        polled, so no pause of the batch holds it.

        Raises Cancelled when it is withdrawn, WorkDiskFull when its work space can never be had.
        """
        granted = asyncio.get_running_loop().create_future()
        waiter = _Waiter(request, granted, self._now(), continuing)
        self._waiters.append(waiter)
        self._put(waiter)
        self.pump()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.give_back(request)
            else:
                self._drop(waiter)
            raise

    def give_back(self, request: Request) -> None:
        """Return what the request holds."""
        self._admission.release(request)
        if _starts(request):
            self.space.pop(request.vm, None)
        self.pump()

    def withdraw(self, vm: str) -> None:
        """The VM does not want to wait any longer: its `take` raises Cancelled."""
        for waiter in [each for each in self._waiters if each.request.vm == vm]:
            self._drop(waiter)
            waiter.granted.set_exception(Cancelled(f"{vm} no longer waits"))

    def pump(self) -> None:
        """Grant what can be granted now."""
        if not self._waiters:
            return
        free = self._free_bytes() if any(each.request.work_bytes for each in self._waiters) else None
        started = self._admission.admit(free_bytes=free)
        if started:
            waiting = {each.request.sequence: each for each in self._waiters}
            for request in started:
                self._grant(waiting[request.sequence])
        elif free is not None and not self._admission.holders(Limit.GLOBAL.value):
            self._let_one_go_or_refuse(free)

    def _grant(self, waiter: _Waiter) -> None:
        self._waiters.remove(waiter)
        if _starts(waiter.request):
            self.space[waiter.request.vm] = waiter.request.work_bytes
        if waiter.granted.cancelled():
            self._admission.release(waiter.request)
        else:
            waiter.granted.set_result(None)

    def _let_one_go_or_refuse(self, free: int) -> None:
        """No VM runs, so nothing will free space for the first in turn: one behind it that fits goes before
        it and gives back what its files take; when none fits, waiting longer frees nothing.
        """
        ready = [
            each for each in self._waiters if not each.parked and not self._admission.blockers(each.request)
        ]
        ready.sort(key=lambda each: each.request.rank)
        fitting = [each for each in ready if each.request.work_bytes <= free]
        if fitting:
            self._admission.start(fitting[0].request)
            self._grant(fitting[0])
            return
        for waiter in ready:
            self._drop(waiter)
            waiter.granted.set_exception(_too_big(waiter.request, free))

    def _put(self, waiter: _Waiter) -> None:
        """Put the request to the Admission, unless the batch or its wave is closed."""
        not_yet = self._not_yet if waiter.request.order == START_ORDER else ""
        waiter.parked = "" if waiter.continuing else self._closed or not_yet
        if not waiter.parked:
            self._admission.ask(waiter.request)

    def _drop(self, waiter: _Waiter) -> None:
        self._waiters.remove(waiter)
        self._admission.withdraw(waiter.request)

    # --- changing capacity

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on; what is held above them is let run out."""
        self._admission.change_limits(limits)
        self.pump()

    def pause_limits(self, limits: frozenset[Limit]) -> None:
        """Nothing new takes these limits."""
        for limit in limits - self._paused:
            self._admission.pause(limit)
        for limit in self._paused - limits:
            self._admission.unpause(limit)
        self._paused = limits
        self.pump()

    def close(self, *, all_stages: str = "", starts: str = "") -> None:
        """No stage begins, or no VM starts, for the given reason ("" opens again)."""
        if (self._closed, self._not_yet) == (all_stages, starts):
            return
        self._closed, self._not_yet = all_stages, starts
        for waiter in self._waiters:
            if not waiter.parked:
                self._admission.withdraw(waiter.request)
            self._put(waiter)
        self.pump()

    # --- telling

    def blocked(self) -> dict[str, BlockedBy]:
        """Why each waiting VM waits, who holds it, since when."""
        return {each.request.vm: self._reason(each) for each in self._waiters}

    def _reason(self, waiter: _Waiter) -> BlockedBy:
        if waiter.parked:
            return BlockedBy(waiter.parked, (), waiter.since)
        blocks = self._admission.blockers(waiter.request, free_bytes=0)
        if not blocks:
            return BlockedBy("next in turn", (), waiter.since)
        kind = _limit_of(blocks[0].limit)
        if kind in self._paused:
            return BlockedBy(f"{kind} is paused", (), waiter.since)
        return BlockedBy(blocks[0].limit, blocks[0].holders, waiter.since)

    def rows(self) -> tuple[LimitRow, ...]:
        """Every limit with its use; hosts appear once they are used."""
        hosts = sorted(name for name in self._admission.held() if _limit_of(name) is Limit.PER_ESXI_HOST)
        names = [each.value for each in Limit if each is not Limit.PER_ESXI_HOST] + hosts
        wanted = [name for each in self._waiters for name in each.request.needs]
        return tuple(self._row(name, wanted.count(name)) for name in names)

    def _row(self, name: str, waiting: int) -> LimitRow:
        limit = Limit(name.partition(":")[0])
        holders = self._admission.holders(name)
        return LimitRow(
            name=name,
            limit=limit,
            capacity=self._admission.limits.of(limit),
            in_use=len(holders),
            holders=holders,
            waiting=waiting,
            paused=limit in self._paused,
        )


def _starts(request: Request) -> bool:
    """True for a VM's first request, which stands for its whole run."""
    return Limit.GLOBAL.value in request.needs


def _limit_of(name: str) -> Limit | None:
    kind = name.partition(":")[0]
    return Limit(kind) if kind in set(Limit) else None


def _too_big(request: Request, free: int) -> WorkDiskFull:
    return WorkDiskFull(
        f"{request.vm} needs {format_bytes(request.work_bytes)} of work space, {format_bytes(free)} is free",
        hint="free space on the work disk, or move work_dir to a larger one",
    )
