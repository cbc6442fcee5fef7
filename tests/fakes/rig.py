"""A batch with everything around it in memory: build, run, kill, run again, count what is left."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fakes.clock import FakeClock
from fakes.cloud import FakeCloud
from fakes.disks import FakeDisks
from fakes.guests import FakeGuests
from fakes.objects import FakeObjects
from fakes.plans import batch_of
from fakes.source import FakeSource
from fakes.stages import EVIDENCE, STAGES
from fakes.store import FakeStore
from fakes.world import ProcessDied, World
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.events import Actor, Event
from v2s_tui.domain.execution.transfer import Strategy
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.batch_runner import BatchRunner
from v2s_tui.engine.outcome import BatchOutcome
from v2s_tui.engine.runner import RunRequest
from v2s_tui.engine.settings import GateMode, RunnerSettings
from v2s_tui.engine.stage_contract import Ports, StageFunction, StageSettings
from v2s_tui.engine.state_store import StateStore

ALICE = Actor("alice", "test")


async def no_sleep(_seconds: float, _woken: asyncio.Event) -> None:
    """Retries wait for nobody here."""
    await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it has come to pass; the test's own time limit ends what never does."""
    while not condition():  # noqa: ASYNC110 - the condition is anything, not one event
        await asyncio.sleep(0.001)


@dataclass
class Rig:
    """One batch in one world."""

    plan: ResolvedPlan
    work_dir: Path
    stages: Mapping[Stage, StageFunction] = field(default_factory=lambda: dict(STAGES))
    evidence: Mapping[Stage, object] = field(default_factory=lambda: dict(EVIDENCE))
    giving_up: StageFunction | None = None
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = World()
        self.clock = FakeClock()
        self.source = FakeSource(self.world, {each.vm.moref: each.vm for each in self.plan.vms})
        self.objects = FakeObjects(self.world)
        self.cloud = FakeCloud(self.world, self.objects, polls=2)
        self.disks = FakeDisks(self.world)
        self.guests = FakeGuests(self.world)
        self.store = FakeStore(batch_of(self.plan))
        self.settings = RunnerSettings(
            work_dir=self.work_dir,
            stage=StageSettings(
                "transit", "fr-par", "project", self.plan.post_migration, strategy=Strategy.LOCAL
            ),
            actor=ALICE,
            gate_mode=GateMode.APPROVE,
            sleep=no_sleep,
            pause=lambda _seconds, cancelled: cancelled.wait(0.0005),
            jitter=lambda: 0.5,
            sample_seconds=0.01,
        )

    @property
    def state(self) -> BatchState:
        """What the store holds."""
        return self.store.load()

    @property
    def ports(self) -> Ports:
        """The doors to this world."""
        return Ports(self.source, self.disks, self.objects, self.cloud, self.clock, self.guests)

    def request(self, store: StateStore, gate_mode: GateMode, **more: Any) -> RunRequest:
        """To run a batch of a real store in the foreground. more: in place of what the rig would give."""
        given = {"stages": self.stages, "evidence": {}, **more}
        settings = replace(self.settings, gate_mode=gate_mode)
        return RunRequest(store=store, ports=self.ports, settings=settings, clock=self.clock, **given)

    def runner(self, *, listeners: Iterable[Callable[[Event], None]] = (), **settings: object) -> BatchRunner:
        """A runner over the store, as a new process would build it."""
        return BatchRunner(
            self.store,
            ports=self.ports,
            stages=self.stages,
            evidence=self.evidence,  # type: ignore[arg-type]
            settings=replace(self.settings, **settings),  # type: ignore[arg-type]
            giving_up=self.giving_up,
            clock=self.clock,
            listeners=(self.events.append, *listeners),
        )

    def run(self, **settings: object) -> BatchOutcome:
        """Run until it ends by itself."""
        return asyncio.run(self.runner(**settings).run())  # type: ignore[arg-type]

    def run_until_death(self, commits: int, **settings: object) -> bool:
        """Run until so many more commits are on disk, then die like a killed process, and be born again.

        False when the batch ended before.
        """
        self.store.die_at = self.store.commits + commits
        self.store.on_death = lambda: setattr(self.world, "dead", True)
        try:
            self.run(**settings)
        except ProcessDied:
            return True
        finally:
            self.world.dead, self.store.die_at = False, None
        return False

    def kinds(self, *wanted: str) -> list[str]:
        """`kind vm` of the events of these kinds, in order."""
        return [
            f"{each.kind} {getattr(each, 'vm', '')}".strip() for each in self.events if each.kind in wanted
        ]

    def duplicates(self) -> dict[str, int]:
        """Resources at Scaleway that exist more than once for one name."""
        names = Counter(f"{kind} {each.name}" for (kind, _), each in self.cloud.resources.items())
        return {name: count for name, count in names.items() if count > 1}

    def leftovers(self) -> list[str]:
        """What a batch that is through must not leave: snapshots, open uploads, objects, and open leases that
        are on record (others end by themselves).
        """
        recorded = {each.resource_id for each in self.state.effects.values()}
        leases = [each for each in self.source.leases if each.state == "ready" and each.id in recorded]
        return [
            *self.source.snapshots,
            *self.objects.uploads,
            *(key for _, key in self.objects.objects),
            *(each.vm_moref for each in leases),
        ]
