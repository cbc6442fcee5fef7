"""The runner process: one batch, its socket, its signals, its exit code.

SIGHUP is ignored (a dropped SSH session never touches a copy). SIGTERM stops admitting, interrupts and leaves
with everything resumable. Ctrl+C asks once (hold or abort) and means abort the second time.
"""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.domain.execution.events import Actor, Event
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import Clock
from v2s_tui.engine.batch_runner import BatchRunner
from v2s_tui.engine.commands import Command
from v2s_tui.engine.control import ControlServer, socket_path, spare_socket_path
from v2s_tui.engine.outcome import BatchOutcome, Stop
from v2s_tui.engine.recorder import Listener
from v2s_tui.engine.settings import RunnerSettings
from v2s_tui.engine.stage_contract import EvidenceFunction, Ports, StageFunction
from v2s_tui.engine.state_store import StateStore
from v2s_tui.system.files import make_private_folder, private_files
from v2s_tui.system.locks import LockOwner
from v2s_tui.system.processes import spawn_detached

_ABORT = "abort"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything a run needs. giving_up: see Parts. listeners: hear each event after it is on disk, from the
    writer's thread.

    on_picture: ten times a second, on the event loop. ask_interrupt: blocking question after Ctrl+C, in a
    thread; answers `hold` (nothing new starts until `resume`), `abort`, or "" (go on). None: Ctrl+C aborts.
    """

    store: StateStore
    ports: Ports
    stages: Mapping[Stage, StageFunction]
    evidence: Mapping[Stage, EvidenceFunction]
    settings: RunnerSettings
    clock: Clock
    giving_up: StageFunction | None = None
    listeners: Iterable[Listener] = ()
    on_picture: Callable[[BatchSnapshot], None] | None = None
    ask_interrupt: Callable[[], str] | None = None


def run_in_foreground(request: RunRequest) -> BatchOutcome:
    """Run the batch in this process until it ends, stops at a gate or is told to stop.

    Blocking; call it from the main thread (signals). What is made meanwhile is for its owner alone, copies of
    disks above all. Raises StateError when the state cannot be written.
    """
    with private_files():
        return asyncio.run(_run(request))


async def _run(request: RunRequest) -> BatchOutcome:
    def tell(event: Event) -> None:
        control.tell(event)

    def show(picture: BatchSnapshot) -> None:
        control.show(picture)
        if request.on_picture is not None:
            request.on_picture(picture)

    runner = BatchRunner(
        request.store,
        ports=request.ports,
        stages=request.stages,
        evidence=request.evidence,
        settings=request.settings,
        clock=request.clock,
        giving_up=request.giving_up,
        listeners=(*request.listeners, tell),
        on_picture=show,
    )
    control = ControlServer(socket_path(request.store.path), command=runner.command, picture=runner.picture)
    try:
        await control.start()
    except OSError:
        control.path = spare_socket_path(request.store.path)
        await control.start()
    request.store.announce(LockOwner(os.getpid(), socket.gethostname(), str(control.path)))
    try:
        with _signals(Interrupts(runner, request.ask_interrupt, request.settings.actor), runner):
            return await runner.run()
    finally:
        await control.close()


class Interrupts:
    """What Ctrl+C does: the first one asks, the second one aborts. At a closed gate nothing runs, so nothing
    is asked: the gate stays closed.
    """

    def __init__(self, runner: BatchRunner, ask: Callable[[], str] | None, actor: Actor) -> None:
        self._runner = runner
        self._ask = ask
        self._actor = actor
        self._asked = False

    def interrupt(self) -> None:
        """On SIGINT (event loop)."""
        if self._asked or self._ask is None or self._runner.gates.waiting:
            self._runner.stop(Stop.SIGINT)
            return
        self._asked = True
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._put_question, args=(self._ask, loop), daemon=True).start()

    def _put_question(self, ask: Callable[[], str], loop: asyncio.AbstractEventLoop) -> None:
        answer = ask()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._answered, answer)

    def _answered(self, answer: str) -> None:
        self._asked = False
        if answer == _ABORT:
            self._runner.stop(Stop.SIGINT)
        elif answer == "hold":
            self._runner.submit(Command("pause", self._actor))


@contextlib.contextmanager
def _signals(interrupts: Interrupts, runner: BatchRunner) -> Iterator[None]:
    """Signal handlers while a batch runs, where this thread may have any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, runner.stop, Stop.SIGTERM)
    loop.add_signal_handler(signal.SIGINT, interrupts.interrupt)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGHUP, before)


def start_detached(argv: Sequence[str], log_path: Path) -> int:
    """Start a runner as a process of its own session that survives this one; returns its pid.

    argv: the command that runs the batch in its foreground. What it prints goes to log_path. Raises ToolError
    when it cannot be started, OSError when the log cannot be written.
    """
    make_private_folder(log_path.parent)
    return spawn_detached(argv, log_path)
