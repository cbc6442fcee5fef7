"""Tasks: queued, running with progress, then success or error, while the client watches."""

import datetime
from collections.abc import Callable
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from v2s_tui.lab.vcenter.inventory import Entity, VirtualMachine
from v2s_tui.lab.vcenter.rendering import register
from v2s_tui.lab.vcenter.soap import NAMESPACE, system_error
from v2s_tui.lab.vcenter.world import World

Effect = Callable[[], Any]
_QUEUED_SECONDS = 0.05
_PROGRESS_STEPS = (0, 25, 50, 75, 95)


class Task(Entity):
    """A running or finished task on a VM or one of its snapshots."""

    kind = vim.Task

    def __init__(self, moid: str, *, method: str, vm: VirtualMachine, user_name: str) -> None:
        super().__init__(moid, name=method)
        self.vm = vm
        self.user_name = user_name
        self.state = "queued"
        self.progress: int | None = None
        self.error: Any = None
        self.result: Any = None
        self.queued_at = datetime.datetime.now(datetime.UTC)
        self.started_at: datetime.datetime | None = None
        self.completed_at: datetime.datetime | None = None

    def info(self) -> Any:
        """TaskInfo, as the client reads it."""
        return vim.TaskInfo(
            key=self.moid,
            task=self.ref,
            name=VmomiSupport.GetWsdlMethod(NAMESPACE, self.name),
            descriptionId=f"VirtualMachine.{self.name.removesuffix('_Task')}",
            entity=self.vm.ref,
            entityName=self.vm.name,
            state=self.state,
            cancelled=False,
            cancelable=False,
            error=self.error,
            result=self.result,
            progress=self.progress,
            reason=vim.TaskReasonUser(userName=self.user_name),
            queueTime=self.queued_at,
            startTime=self.started_at,
            completeTime=self.completed_at,
            eventChainId=1,
        )


register(vim.Task, {"info": Task.info})


def start_task(
    world: World,
    *,
    method: str,
    vm: VirtualMachine,
    seconds: float,
    effect: Effect,
    user_name: str,
    fault: Any = None,
) -> Any:
    """Start a task and return its reference.

    vm: the VM no other task may touch meanwhile. effect: what happens at the end; yields the result.
    fault: what the task ends with instead. Raises vSphere's TaskInProgress.
    """
    if vm.running_task is not None:
        raise vim.fault.TaskInProgress(task=vm.running_task.ref, msg="Another task is already in progress.")
    task = world.add(Task(world.new_id("task"), method=method, vm=vm, user_name=user_name))
    vm.running_task = task
    step_seconds = seconds / len(_PROGRESS_STEPS)
    for number, percent in enumerate(_PROGRESS_STEPS):
        world.clock.later(_QUEUED_SECONDS + number * step_seconds, _Progress(world, task, percent))
    world.clock.later(_QUEUED_SECONDS + seconds, _End(world, task, vm, effect, fault))
    return task.ref


class _Progress:
    """A step of a task's progress."""

    def __init__(self, world: World, task: Task, percent: int) -> None:
        self._world, self._task, self._percent = world, task, percent

    def __call__(self) -> None:
        with self._world.lock:
            self._task.state = "running"
            self._task.progress = self._percent
            self._task.started_at = self._task.started_at or datetime.datetime.now(datetime.UTC)
            self._world.touch(self._task)


class _End:
    """The end of a task: its effect, or its fault."""

    def __init__(self, world: World, task: Task, vm: VirtualMachine, effect: Effect, fault: Any) -> None:
        self._world, self._task, self._vm, self._effect, self._fault = world, task, vm, effect, fault

    def __call__(self) -> None:
        with self._world.lock:
            task = self._task
            self._vm.running_task = None
            self._finish(task)
            task.completed_at = datetime.datetime.now(datetime.UTC)
            self._world.touch(task)

    def _finish(self, task: Task) -> None:
        try:
            if self._fault is not None:
                raise self._fault
            task.result = self._effect()
            task.state, task.progress = "success", None
        except vmodl.MethodFault as fault:
            task.state, task.error = "error", fault
        except Exception as err:  # noqa: BLE001  # whatever broke, the client must see a task that ended
            task.state, task.error = "error", system_error(repr(err))
