"""Removes what a batch made, from its ledger, in dependency order. Blocking; never while a runner works on
it.

A running Instance is touched only when its VM was named. One step that fails does not stop the others; its
effect stays open in the ledger, so that undo can be called again.
"""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.domain.errors import OutsideError, TargetError
from v2s_tui.domain.execution.events import Actor, EffectRecorded, VmUndone
from v2s_tui.domain.execution.ledger import Effect, EffectKind
from v2s_tui.domain.execution.undoing import KEPT_KINDS, UndoStep, undo_steps
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.stage_contract import Ports

_STOP_SECONDS = 300.0
_EMPTY_SECONDS = 30.0
_LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What became of one step. problem: why it was not done, "" done."""

    step: UndoStep
    problem: str = ""


def running_instances(steps: Collection[UndoStep], ports: Ports) -> tuple[str, ...]:
    """Names of VMs whose Instance runs now: they must be named before undo touches them."""
    names = []
    for step in steps:
        effect = step.effect
        if effect.kind is EffectKind.INSTANCE:
            found = _cloud_resources(effect, ports)
            if any(each[1] in {CloudState.RUNNING, CloudState.PENDING} for each in found):
                names.append(effect.vm_name)
    return tuple(dict.fromkeys(names))


class Undo:
    """One undo of one batch."""

    def __init__(
        self,
        recorder: Recorder,
        ports: Ports,
        *,
        actor: Actor,
        work_dir: Path,
        sleep: Callable[[float], None],
    ) -> None:
        self._recorder = recorder
        self._ports = ports
        self._actor = actor
        self._work_dir = work_dir
        self._sleep = sleep

    def run(self, vm_names: Collection[str] | None, *, named: Collection[str] = ()) -> tuple[UndoResult, ...]:
        """Remove what the VMs (None: all) made. named: VMs whose running Instance may go.

        Raises StateError when the ledger cannot be written, KeyError for an unknown VM.
        """
        steps = undo_steps(self._recorder.state, vm_names)
        kept = set(running_instances(steps, self._ports)) - set(named)
        results = list[UndoResult]()
        for step in steps:
            results.append(self._do(step, kept, results))
        broken = {result.step.effect.vm_name for result in results if result.problem}
        for name in vm_names if vm_names is not None else tuple(self._recorder.state.jobs):
            if name not in broken:
                self._forget(name)
        return tuple(results)

    def _forget(self, name: str) -> None:
        """Everything outside is gone: local files go too, and a retry begins from nothing."""
        job = self._recorder.state.jobs[name]
        if not job.runs:
            return
        shutil.rmtree(self._work_dir / job.migration_id, ignore_errors=True)
        self._recorder.record_and_wait(VmUndone(at=self._ports.clock.now(), vm=name, actor=self._actor))

    def _do(self, step: UndoStep, kept: Collection[str], before: Collection[UndoResult]) -> UndoResult:
        effect = step.effect
        if effect.vm_name in kept:
            return UndoResult(step, "its Instance runs: name the VM to remove it")
        if effect.kind is EffectKind.SOURCE_POWER and effect.vm_name in _with_instance(before):
            return UndoResult(step, "stays off: its Instance is still there, and two of one VM must not run")
        try:
            if effect.kind not in KEPT_KINDS:
                self._remove(effect)
        except OutsideError as err:
            return UndoResult(step, str(err))
        gone = EffectRecorded(at=self._ports.clock.now(), vm=effect.vm_name, effect=effect.gone())
        self._recorder.record_and_wait(gone)
        return UndoResult(step)

    def _remove(self, effect: Effect) -> None:
        special = {
            EffectKind.MULTIPART_UPLOAD: self._abort_uploads,
            EffectKind.OBJECT: self._delete_object,
            EffectKind.NFC_LEASE: self._end_lease,
            EffectKind.VMWARE_SNAPSHOT: self._remove_snapshot,
            EffectKind.SOURCE_POWER: self._power_on_again,
            EffectKind.ADDRESS: self._delete_when_free,
            EffectKind.PRIVATE_NETWORK: self._delete_when_free,
        }
        special.get(effect.kind, self._delete_at_scaleway)(effect)

    def _delete_at_scaleway(self, effect: Effect) -> None:
        for resource_id, state in _cloud_resources(effect, self._ports):
            if effect.kind is EffectKind.INSTANCE and state is not CloudState.STOPPED:
                self._stop(effect.where, resource_id)
            self._ports.cloud.delete(effect.kind.value, effect.where, resource_id)

    def _delete_when_free(self, effect: Effect) -> None:
        """What others may use goes only when none does; NICs that have just gone let go in a moment."""
        for resource_id, _ in _cloud_resources(effect, self._ports):
            waited = 0.0
            while (found := self._found(effect, resource_id)) and found.state is CloudState.IN_USE:
                if waited >= _EMPTY_SECONDS:
                    raise TargetError(f"{found.name} is kept: {found.detail or 'it is in use'}")
                self._sleep(_LOOK_SECONDS)
                waited += _LOOK_SECONDS
            self._ports.cloud.delete(effect.kind.value, effect.where, resource_id)

    def _found(self, effect: Effect, resource_id: str) -> CloudResource | None:
        return self._ports.cloud.get(effect.kind.value, effect.where, resource_id)

    def _stop(self, zone: str, server_id: str) -> None:
        """Power it off and wait until it is; what does not stop is then refused by the API, and told."""
        self._ports.cloud.instance_action(zone, server_id, "poweroff")
        waited = 0.0
        while waited < _STOP_SECONDS:
            found = self._ports.cloud.get(EffectKind.INSTANCE.value, zone, server_id)
            if found is None or found.state is CloudState.STOPPED:
                return
            self._sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS

    def _abort_uploads(self, effect: Effect) -> None:
        for upload in self._ports.objects.list_uploads(effect.where, effect.tag):
            if upload.key == effect.tag:
                self._ports.objects.abort_upload(effect.where, upload.key, upload.upload_id)

    def _delete_object(self, effect: Effect) -> None:
        self._ports.objects.delete(effect.where, effect.tag)

    def _end_lease(self, effect: Effect) -> None:
        """One that cannot be ended ends by itself; what comes after waits for that."""
        self._ports.source.end_lease(effect.resource_id or effect.detail)

    def _remove_snapshot(self, effect: Effect) -> None:
        vm_moref = self._recorder.state.planned[effect.vm_name].vm.moref
        found = self._ports.source.find_snapshot(vm_moref, effect.tag)
        if found is not None:
            self._ports.source.remove_snapshot(vm_moref, found)

    def _power_on_again(self, effect: Effect) -> None:
        """Only what v2s itself switched off, or began to: only what runs is shut down."""
        vm_moref = self._recorder.state.planned[effect.vm_name].vm.moref
        if effect.resource_id in {PowerState.ON.value, ""}:
            self._ports.source.power_on(vm_moref)


def _with_instance(results: Collection[UndoResult]) -> set[str]:
    """VMs whose Instance could not be removed."""
    steps = (each.step for each in results if each.problem)
    return {step.effect.vm_name for step in steps if step.effect.kind is EffectKind.INSTANCE}


def _cloud_resources(effect: Effect, ports: Ports) -> list[tuple[str, CloudState]]:
    """Id and state of what the effect made: by its id, or by its tag where that is not known or gone (made
    anew by a run that died before it wrote that down).
    """
    kind, zone = effect.kind.value, effect.where
    found = ports.cloud.get(kind, zone, effect.resource_id) if effect.resource_id else None
    there = [found] if found is not None else ports.cloud.find(kind, zone, effect.tag)
    return [(each.id, each.state) for each in there]
