"""When disks are read from the source again, and when a VM must not go back that far."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from fakes.world import failing

from v2s_tui.domain.errors import SourceError, StorageUnavailable
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.engine.stages.registry import EVIDENCE, GIVING_UP, STAGES

MAKING = ("create_snapshot", "receive", "upload_file", "import_snapshot", "create_volume", "create_instance")


def rig_of(tmp_path: Path, **planned: Any) -> Rig:
    """One VM with two disks, through the real stages."""
    plan = plan_of([("all", [vm_named("web-01", disks=2)], PausePolicy.CONTINUE)])
    plan = replace(plan, vms=tuple(replace(each, **planned) for each in plan.vms))
    return Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE), giving_up=GIVING_UP)


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("remove_snapshot", SourceError("the snapshot is in use")),
        ("delete_object", StorageUnavailable("Object Storage answers 503")),
    ],
)
def test_a_cleanup_that_fails_sends_nothing_back_to_its_copy(
    tmp_path: Path, operation: str, error: Exception
) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing(operation, error, times=99))
    assert rig.run().failed == 1
    before = rig.world.calls.copy()
    rig.world.rules.clear()
    assert rig.run(retry_failed=True).complete == 1
    again = rig.world.calls - before
    assert [each for each in MAKING if again[each]] == []
    assert rig.leftovers() == []
