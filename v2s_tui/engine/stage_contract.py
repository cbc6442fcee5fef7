"""What a stage is: a function of plain data and ports that returns artifacts.

Being plain data in and out, a stage can be run on another host. It is blocking code in a worker thread; it
reports through `context.progress` (plain numbers) and asks `context.cancelled` at least every second or two.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.ledger import Effect, EffectKind
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.execution.transfer import Strategy, TransferChoice
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.ports import Clock, Cloud, Disks, Guests, ObjectStore, Prober, Source


@dataclass(frozen=True, slots=True)
class StageSettings:
    """Settings of the whole batch that stages need; no secrets. region: of the bucket, `fr-par`.

    storage_name: names the Object Storage that disks go to, for what is measured of it. keep_local: local
    images outlive the migration. strategy: whether disks are uploaded while they are received
    (domain/execution/transfer.py). private_networks: made for the first VM that joins them.
    """

    bucket: str
    region: str
    project_id: str
    post_migration: PostMigration
    make_image: bool = True
    keep_local: bool = False
    storage_name: str = ""
    strategy: Strategy = Strategy.AUTO
    private_networks: tuple[NewNetwork, ...] = ()


@dataclass(frozen=True, slots=True)
class StageInput:
    """One run of one stage on one VM. work_dir: this VM's own folder, it exists. transfer: how the export
    moves the disks, as its limits were taken for; None leaves it to the stage.
    """

    batch_id: str
    planned: PlannedVm
    artifacts: Artifacts
    work_dir: Path
    settings: StageSettings
    transfer: TransferChoice | None = None


@dataclass(frozen=True, slots=True)
class Ports:
    """The doors a stage may use. prober: None where nobody looks whether a started VM answers."""

    source: Source
    disks: Disks
    objects: ObjectStore
    cloud: Cloud
    clock: Clock
    guests: Guests
    prober: Prober | None = None


class LedgerWriter(Protocol):
    """Records outside effects of one VM. Each call returns only after the record is on disk."""

    def intend(self, kind: EffectKind, *, tag: str, where: str, detail: str = "") -> Effect:
        """Record that the effect is about to be made.

        An effect of that kind, tag and place that is still INTENDED or MADE is returned as it is, so that a
        stage that runs again sees what an earlier run began.
        """
        ...

    def made(self, effect: Effect, resource_id: str) -> Effect: ...

    def gone(self, effect: Effect) -> Effect: ...

    def open_effects(self, kind: EffectKind | None = None) -> tuple[Effect, ...]:
        """Effects of this VM that are INTENDED or MADE, oldest first."""
        ...


class StageContext(Protocol):
    """What the engine hands to a running stage."""

    ports: Ports
    progress: StageProgress
    ledger: LedgerWriter
    cancelled: threading.Event

    def polling(self, waits_for: str) -> AbstractContextManager[None]:
        """While inside, the stage's limits are given back (nothing is held across a poll loop) and the screen
        shows what it waits for. Leaving takes them again, waiting if need be.
        """
        ...

    def pause(self, seconds: float) -> None:
        """Sleep; raises Cancelled at once when the operator cancels."""
        ...

    def shared(self, what: str) -> AbstractContextManager[LedgerWriter]:
        """Alone among all VMs of the batch for what they share (`what` names it); gives the batch's own
        ledger. Waiting ends with Cancelled when the operator cancels.
        """
        ...

    def checkpoint(self, artifacts: Artifacts) -> None:
        """Keep artifacts reached so far (journalled before it returns); a restart of the stage begins with
        them.
        """
        ...


StageFunction = Callable[[StageInput, StageContext], Artifacts]


@dataclass(frozen=True, slots=True)
class StageEvidence:
    """Result of looking whether an earlier stage's artifacts still hold. missing: what does not, for
    people.
    """

    holds: bool
    missing: tuple[str, ...] = field(default=())


EvidenceFunction = Callable[[StageInput, Ports], StageEvidence]
