"""Undo a batch, or some of its VMs: the list first, then the removal."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.events import Actor
from v2s_tui.domain.execution.undoing import UndoStep, undo_steps
from v2s_tui.engine.attach import terminal_name, user_name
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.undo import Undo, UndoResult, running_instances
from v2s_tui.usecases.run_batch import ports_of
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import batch_path, read_batch


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What undo would do. running: VMs whose Instance runs; they are left alone unless they are named."""

    batch_id: str
    steps: tuple[UndoStep, ...]
    running: tuple[str, ...]


def preview_undo(services: Services, batch_id: str, vm_names: Sequence[str] = ()) -> UndoPreview:
    """The list, in order, with consequences. vm_names empty: the whole batch. Nothing is changed.

    Raises StateError, InputError for a VM the batch does not have, OutsideError.
    """
    state = read_batch(services, batch_id)
    chosen = _chosen(state, vm_names)
    steps = undo_steps(state, chosen)
    running = running_instances(steps, ports_of(services)) if steps else ()
    return UndoPreview(state.header.batch_id, steps, running)


def undo_batch(services: Services, batch_id: str, vm_names: Sequence[str] = ()) -> tuple[UndoResult, ...]:
    """Remove it. A VM given by name goes even when its Instance runs. Ask the operator first.

    Raises StateError while a runner works on the batch, and what `preview_undo` raises.
    """
    store = BatchStateFile.open(batch_path(services, batch_id))
    try:
        recorder = Recorder(store)
        chosen = _chosen(recorder.state, vm_names)
        actor = Actor(user_name(), f"batch undo on {terminal_name()}")
        undo = Undo(recorder, ports_of(services), actor=actor, work_dir=services.work_dir, sleep=time.sleep)
        return undo.run(chosen, named=vm_names)
    finally:
        store.close()


def _chosen(state: BatchState, vm_names: Sequence[str]) -> tuple[str, ...] | None:
    unknown = [name for name in vm_names if name not in state.jobs]
    if unknown:
        raise InputError(
            f"batch {state.header.batch_id} has no VM {unknown[0]!r}", hint="`v2s batch status` lists them"
        )
    return tuple(vm_names) or None
