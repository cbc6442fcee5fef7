"""Where a VM goes on after an interruption: a function of the record and of evidence, told before it runs.

Only what the remaining work really needs is checked: a base image that cleanup already removed does not send
a verified VM back to its export.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from v2s_tui.domain.planning.stages import Stage, stage_order


@dataclass(frozen=True, slots=True)
class RestartPoint:
    """Where a VM restarts and why. stage: None when every stage is complete.

    dropped: completed stages that must run again, in order.
    """

    stage: Stage | None
    reason: str
    dropped: tuple[Stage, ...] = ()

    def describe(self, vm_name: str) -> str:
        """One line for people: `web-01: upload_s3 (export done; object missing)`."""
        return f"{vm_name}: {self.stage.value if self.stage else 'complete'} ({self.reason})"


def _is_local(stage: Stage) -> bool:
    return stage_order(Stage.EXPORT) <= stage_order(stage) < stage_order(Stage.UPLOAD_S3)


def needs(stage: Stage, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The earlier stages whose results this one reads, in order.

    Local disk stages and the upload read all local stages before them; export reads the snapshot; what runs
    at Scaleway reads what the stages before it made there. Until the target runs, a cold copy is only good
    while the source stays off. Cleanup reads nothing it cannot do without.
    """
    earlier = [each for each in stages if stage_order(each) < stage_order(stage)]
    read = set(_reads(stage, earlier))
    if stage_order(stage) <= stage_order(Stage.CREATE_INSTANCE):
        read |= {Stage.SHUTDOWN_SOURCE}
    return tuple(each for each in earlier if each in read)


def _reads(stage: Stage, earlier: Sequence[Stage]) -> list[Stage]:
    if stage is Stage.CLEANUP:
        return []
    if stage is Stage.EXPORT:
        return [Stage.SNAPSHOT]
    if _is_local(stage) or stage is Stage.UPLOAD_S3:
        return [each for each in earlier if _is_local(each)]
    if stage is Stage.IMPORT_SCW:
        return [Stage.UPLOAD_S3]
    return [each for each in earlier if stage_order(each) >= stage_order(Stage.IMPORT_SCW)]


def restart_point(
    stages: Sequence[Stage],
    completed: Sequence[Stage],
    missing: Callable[[Stage], Sequence[str]],
) -> RestartPoint:
    """Where to go on. missing: asked for completed stages only, what of their evidence does not hold (empty:
    all of it holds); it is asked at most once for each stage.
    """
    done = [stage for stage in stages if stage in set(completed)]
    todo = [stage for stage in stages if stage not in set(done)]
    if not todo:
        return RestartPoint(None, "all stages complete")
    start, reasons = todo[0], list[str]()
    asked: dict[Stage, Sequence[str]] = {}
    while broken := _broken(start, stages, done, missing, asked):
        start = broken[0]
        reasons = [f"{stage.value}: {text}" for stage in broken for text in asked[stage]]
    dropped = tuple(stage for stage in done if stage_order(stage) >= stage_order(start))
    return RestartPoint(start, "; ".join(reasons) or _held(start, stages, done), dropped)


def _broken(
    start: Stage,
    stages: Sequence[Stage],
    done: Sequence[Stage],
    missing: Callable[[Stage], Sequence[str]],
    asked: dict[Stage, Sequence[str]],
) -> list[Stage]:
    """Completed stages that start needs and whose evidence does not hold."""
    needed = [stage for stage in needs(start, stages) if stage in done]
    for stage in needed:
        if stage not in asked:
            asked[stage] = missing(stage)
    return [stage for stage in needed if asked[stage]]


def _held(start: Stage, stages: Sequence[Stage], done: Sequence[Stage]) -> str:
    held = [stage.value for stage in needs(start, stages) if stage in done]
    if held:
        return f"{', '.join(held)} verified"
    return "nothing it needs is missing" if done else "first run"
