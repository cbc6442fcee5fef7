"""A batch of fakes runs through its waves; killed and resumed it ends the same."""

from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig

from v2s_tui.domain.execution.batch import BatchStatus
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.outcome import exit_code


def _rig(tmp_path: Path) -> Rig:
    canary = [vm_named("web-dev-01")]
    production = [
        vm_named(f"web-{number}", host=f"esxi-0{number % 2}", disks=1 + number % 2) for number in range(6)
    ]
    return Rig(
        plan_of([("canary", canary, PausePolicy.PAUSE), ("production", production, PausePolicy.PAUSE)]),
        tmp_path,
    )


def test_a_batch_runs_through_its_waves(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    outcome = rig.run()
    assert exit_code(outcome) == 0
    assert outcome.status is BatchStatus.COMPLETE
    assert {job.status for job in rig.state.jobs.values()} == {JobStatus.COMPLETE}
    assert rig.leftovers() == []
    assert rig.duplicates() == {}
    assert len(rig.cloud.of_kind("instance")) == 7


def test_the_second_wave_starts_after_the_first(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    order = rig.kinds("vm_started", "vm_completed", "wave_started", "wave_ended")
    assert order[:4] == ["wave_started", "vm_started web-dev-01", "vm_completed web-dev-01", "wave_ended"]


@pytest.mark.parametrize("die_at", range(0, 140, 7))
def test_killed_anywhere_and_resumed_it_ends_the_same(tmp_path: Path, die_at: int) -> None:
    rig = _rig(tmp_path)
    assert rig.run_until_death(die_at)
    outcome = rig.run()
    assert outcome.status is BatchStatus.COMPLETE
    assert rig.leftovers() == []
    assert rig.duplicates() == {}
    assert rig.cloud.created["instance"] == 7
