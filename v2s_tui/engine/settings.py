"""How a runner behaves: what is decided before it starts and does not belong to the plan."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from v2s_tui.domain.execution.batch import GateState
from v2s_tui.domain.execution.events import Actor, Decision
from v2s_tui.domain.execution.retry import POLICIES, RetryPolicy
from v2s_tui.domain.execution.work_space import peak_work_bytes
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.stage_contract import StageSettings
from v2s_tui.system.files import used_bytes


class GateMode(StrEnum):
    """What a closed gate does. WAIT: stay and wait for a command. STOP: save and leave (exit 3). APPROVE: go
    on (`--yes`). ASK: put the question to `ask_gate`.
    """

    WAIT = "wait"
    STOP = "stop"
    APPROVE = "approve"
    ASK = "ask"


async def _sleep(seconds: float, woken: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(woken.wait(), seconds)


def _pause(seconds: float, cancelled: threading.Event) -> bool:
    return cancelled.wait(seconds)


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """work_dir: the batch's VMs get a folder each in it. actor: who started this runner.

    ask_gate: blocking question, asked in a thread, for GateMode.ASK; None as answer means "no answer: leave".
    retry_failed: failed VMs go back to pending at the start (`batch resume`). approve: the closed gate is
    approved at the start (`batch resume --approve`). work_bytes: peak scratch of a VM; used_bytes: what the
    files of a folder occupy. sleep: waits so long or until woken; pause: the same in
    a stage's thread, True when it was cancelled; jitter: in [0, 1). sample_seconds: between two looks at the
    progress numbers.
    """

    work_dir: Path
    stage: StageSettings
    actor: Actor
    gate_mode: GateMode = GateMode.STOP
    ask_gate: Callable[[GateState], Decision | None] | None = None
    retry_failed: bool = False
    approve: bool = False
    policies: Mapping[Stage, RetryPolicy] = field(default_factory=lambda: POLICIES)
    work_bytes: Callable[[PlannedVm], int] = peak_work_bytes
    used_bytes: Callable[[Path], int] = used_bytes
    sleep: Callable[[float, asyncio.Event], Awaitable[None]] = _sleep
    pause: Callable[[float, threading.Event], bool] = _pause
    jitter: Callable[[], float] = random.random
    sample_seconds: float = 0.1
