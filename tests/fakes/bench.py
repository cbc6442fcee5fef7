"""A bench on which single stages run against the fakes: memory for the ledger, and death at any call."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fakes.clock import FakeClock
from fakes.cloud import FakeCloud
from fakes.disks import FakeDisks
from fakes.guests import FakeGuests
from fakes.objects import FakeObjects
from fakes.plans import BATCH_ID, vm_named
from fakes.source import MADE_AT, FakeSource
from fakes.world import ProcessDied, World
from v2s_tui.domain.errors import Cancelled
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.job import stages_of
from v2s_tui.domain.execution.ledger import Effect, EffectKind, EffectState
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.execution.transfer import Strategy
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import CloudResource, Prober
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType, Stock
from v2s_tui.domain.target.volume_size import target_size_bytes
from v2s_tui.domain.units import GIB
from v2s_tui.engine.stage_contract import Ports, StageInput, StageSettings
from v2s_tui.engine.stages.registry import STAGES

MIGRATION_ID = "00000001"
TYPE_NAME = "POP2-2C-8G"


class SizedCloud(FakeCloud):
    """A FakeCloud whose volumes have the size that convert decided, and whose Instances list their NICs."""

    def _make(self, kind: str, zone: str, name: str, tags: tuple[str, ...], **more: Any) -> CloudResource:
        """A disk of 1 GiB has the size at the target that convert decided."""
        if kind in {"volume", "block_snapshot"}:
            more["size_bytes"] = target_size_bytes(GIB, boot=name.endswith("disk-0"), adapted=False)
        return super()._make(kind, zone, name, tags, **more)

    def create_instance(self, request: Any) -> CloudResource:
        """Cloud-init comes with it."""
        made = super().create_instance(request)
        if request.cloud_init:
            self.cloud_inits[made.id] = request.cloud_init
        return made

    def get(self, kind: str, zone: str, resource_id: str) -> CloudResource | None:
        """An Instance shows the addresses of the bench's IPs."""
        found = super().get(kind, zone, resource_id)
        if found is None or kind != "instance":
            return found
        return replace(found, addresses=tuple(each.address for each in self.of_kind("ip")))


@dataclass
class MemoryLedger:
    """The ledger of one VM; outlives the death of its process. Each record is a point at which to die."""

    world: World
    effects: dict[str, Effect] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=itertools.count)

    def intend(self, kind: EffectKind, *, tag: str, where: str, detail: str = "") -> Effect:
        for each in self.open_effects(kind):
            if (each.tag, each.where) == (tag, where):
                return each
        effect = Effect(
            str(next(self.ids)), kind, "web-01", tag, where, EffectState.INTENDED, MADE_AT, detail=detail
        )
        return self._write(effect)

    def made(self, effect: Effect, resource_id: str) -> Effect:
        return self._write(effect.made(resource_id))

    def gone(self, effect: Effect) -> Effect:
        return self._write(effect.gone())

    def open_effects(self, kind: EffectKind | None = None) -> tuple[Effect, ...]:
        return tuple(
            each
            for each in self.effects.values()
            if each.state is not EffectState.GONE and kind in {None, each.kind}
        )

    def _write(self, effect: Effect) -> Effect:
        self.world.enter("ledger", effect.kind.value)
        self.effects[effect.id] = effect
        self.world.leave("ledger", effect.kind.value)
        return effect


@dataclass
class BenchContext:
    """StageContext on the bench."""

    ports: Ports
    ledger: MemoryLedger
    bench: "Bench"
    progress: StageProgress = field(default_factory=StageProgress)
    cancelled: threading.Event = field(default_factory=threading.Event)
    polled: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    @contextmanager
    def polling(self, waits_for: str) -> Iterator[None]:
        self.polled.append(waits_for)
        yield

    @contextmanager
    def shared(self, what: str) -> Iterator[MemoryLedger]:
        yield self.ledger

    def pause(self, seconds: float) -> None:
        if self.cancelled.is_set():
            raise Cancelled("stopped")
        self.pauses.append(seconds)
        self.bench.clock.advance(seconds)

    def checkpoint(self, artifacts: Artifacts) -> None:
        self.bench.world.enter("checkpoint", "")
        self.bench.artifacts = artifacts
        self.bench.world.leave("checkpoint", "")


class Bench:
    """One VM, one world. artifacts: what is journalled; done: completed stages."""

    def __init__(self, work_dir: Path, vm: Vm, **planned: Any) -> None:
        self.world = World()
        self.clock = FakeClock()
        self.source = FakeSource(self.world, {vm.moref: vm})
        self.objects = FakeObjects(self.world)
        self.cloud = SizedCloud(self.world, self.objects, catalogue_of=catalogue(), polls=2)
        self.disks = FakeDisks(self.world)
        self.guests = FakeGuests(self.world)
        self.prober: Prober | None = None
        self.planned = PlannedVm(vm.name, vm, TYPE_NAME, "fr-par-1", "all", **planned)
        self.settings = StageSettings(
            "transit", "fr-par", "project", PostMigration(), make_image=False, strategy=Strategy.LOCAL
        )
        self.ledger = MemoryLedger(self.world)
        self.artifacts = Artifacts(MIGRATION_ID)
        self.done: list[Stage] = []
        self.work_dir = work_dir

    @property
    def ports(self) -> Ports:
        return Ports(self.source, self.disks, self.objects, self.cloud, self.clock, self.guests, self.prober)

    def input(self) -> StageInput:
        """What the next stage works on; its folder is made, as the engine does."""
        self.work_dir.mkdir(exist_ok=True, parents=True)
        return StageInput(BATCH_ID, self.planned, self.artifacts, self.work_dir, self.settings)

    def context(self) -> BenchContext:
        return BenchContext(self.ports, self.ledger, self)

    def run(self, stage: Stage, context: BenchContext | None = None) -> Artifacts:
        """One stage to its end."""
        self.artifacts = STAGES[stage](self.input(), context or self.context())
        self.done.append(stage)
        return self.artifacts

    def run_until(self, last: Stage) -> Artifacts:
        """Every stage that is not done, `last` included."""
        for stage in stages_of(self.planned):
            if stage not in self.done:
                self.run(stage)
            if stage is last:
                break
        return self.artifacts

    def change(self, **settings: Any) -> None:
        """Other batch settings."""
        self.settings = replace(self.settings, **settings)

    def die_at(self, call: int) -> list[str]:
        """Let the process die at the call with this number; returns what it was, filled when it happens."""
        seen, died = itertools.count(), list[str]()

        def rule(operation: str, about: str, phase: str) -> None:
            if next(seen) == call:
                self.world.dead = True
                died.append(f"{operation} {about} {phase}")
                raise ProcessDied

        self.world.rules.append(rule)
        return died

    def new_process(self) -> None:
        """The world goes on with a new process."""
        self.world.rules.clear()
        self.world.dead = False

    def made(self) -> dict[str, int]:
        """How many of each kind exist at Scaleway."""
        kinds = ("block_snapshot", "volume", "image", "ip", "instance", "private_nic")
        return {kind: len(self.cloud.of_kind(kind)) for kind in kinds if self.cloud.of_kind(kind)}


def catalogue(*, stock: Stock = Stock.AVAILABLE) -> Catalogue:
    """One type that takes the VM."""
    return Catalogue(
        "fr-par-1", (InstanceType(TYPE_NAME, "POP2", 2, 8 * GIB, 0.07, stock=stock),), "api", MADE_AT.date()
    )


def make_bench(tmp_path: Path, *, vm: Vm | None = None, **planned: Any) -> Bench:
    """A bench for another VM or plan entry."""
    vm = vm or replace(vm_named("web-01", disks=2), cpu_count=2, memory_mb=4096)
    return Bench(tmp_path / "work", vm, **planned)
