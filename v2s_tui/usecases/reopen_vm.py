"""Put a VM that has stopped back to pending before its batch is resumed: from a stage, with an edited plan
entry, after a cancel, a skip or an undo. While a runner works, its `retry` does the same.
"""

from collections.abc import Mapping
from typing import Any

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.events import Actor, PlanEdited, VmRetried
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.attach import terminal_name, user_name
from v2s_tui.engine.commands import command_from_json
from v2s_tui.engine.recorder import Recorder
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import batch_path


def reopen_vm(
    services: Services,
    batch_id: str,
    vm_name: str,
    *,
    from_stage: Stage | None = None,
    planned: Mapping[str, Any] | None = None,
) -> None:
    """On disk when it returns. from_stage: None as far as evidence holds. planned: as `entry_as_planned`.

    Raises StateError while a runner works on the batch, InputError for a VM that is complete or not in it.
    """
    actor = Actor(user_name(), f"batch resume on {terminal_name()}")
    fields = {"name": "retry", "actor": {"who": actor.who, "origin": actor.origin}, "vm": vm_name}
    entry = command_from_json({**fields, "planned": planned}).planned
    store = BatchStateFile.open(batch_path(services, batch_id))
    try:
        recorder = Recorder(store)
        _require_stopped(recorder, vm_name)
        now = services.clock.now()
        if entry is not None:
            recorder.record_and_wait(PlanEdited(at=now, vm=vm_name, actor=actor, planned=entry))
        recorder.record_and_wait(VmRetried(at=now, vm=vm_name, actor=actor, from_stage=from_stage))
    finally:
        store.close()


def _require_stopped(recorder: Recorder, vm_name: str) -> None:
    job = recorder.state.jobs.get(vm_name)
    if job is None:
        raise InputError(f"the batch has no VM {vm_name!r}", hint="`v2s batch status` lists them")
    if job.status is JobStatus.COMPLETE:
        raise InputError(
            f"{vm_name} is complete and never runs again", hint="`v2s batch undo --vm` removes it first"
        )
