"""Open a plan file and save it, without ever writing over someone else's edit."""

from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.formats.plan_yaml import read_plan, write_plan
from v2s_tui.domain.planning.plan import BatchPlan


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """A plan as it stands in a file. digest: of the file's bytes, to notice edits by others."""

    plan: BatchPlan
    path: Path
    digest: str


def open_plan_file(path: Path) -> OpenPlan:
    """Read it; PlanError names file, line and column."""
    loaded = read_plan(path)
    return OpenPlan(loaded.plan, path, loaded.digest)


def save_plan_file(plan: BatchPlan, path: Path, *, digest: str) -> OpenPlan:
    """Write it and keep what was there as `.bak`; PlanError when the file is not what was read."""
    return OpenPlan(plan, path, write_plan(plan, path, read_digest=digest or None))
