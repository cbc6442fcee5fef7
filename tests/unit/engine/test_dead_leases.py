"""The NFC lease of a killed runner: ended by the next one, or told with the moment it ends by itself."""

from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import ALICE, Rig
from fakes.world import ProcessDied

from v2s_tui.domain.execution.ledger import EffectKind, EffectState
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES
from v2s_tui.engine.undo import Undo


def killed_while_exporting(tmp_path: Path) -> Rig:
    """A rig whose runner died while it read a disk."""
    plan = plan_of([("all", [vm_named("web-01")], PausePolicy.CONTINUE)])
    rig = Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE))

    def die(operation: str, _about: str, _phase: str) -> None:
        if operation == "receive":
            rig.store.die_at, rig.world.dead = rig.store.commits, True
            raise ProcessDied

    rig.world.rules.append(die)
    with pytest.raises(ProcessDied):
        rig.run()
    rig.world.rules.clear()
    rig.store.die_at, rig.world.dead = None, False
    assert [each.state for each in leases_of(rig)] == [EffectState.MADE]
    assert [each.state for each in rig.source.leases] == ["ready"]
    return rig


def leases_of(rig: Rig):
    return [each for each in rig.state.effects.values() if each.kind is EffectKind.NFC_LEASE]


def test_the_next_runner_ends_it_before_anything_else(tmp_path: Path) -> None:
    rig = killed_while_exporting(tmp_path)
    rig.run()
    assert rig.source.leases[0].state == "aborted: ended by a later run"
    assert {job.status for job in rig.state.jobs.values()} == {JobStatus.COMPLETE}
    assert {each.state for each in leases_of(rig)} == {EffectState.GONE}


def test_where_it_cannot_be_ended_the_vm_says_until_when_it_is_locked(tmp_path: Path) -> None:
    rig = killed_while_exporting(tmp_path)
    rig.source.unendable = "no privilege Sessions.TerminateSession"
    rig.run()
    started = [each for each in rig.events if each.kind == "vm_started"]
    reason = started[-1].reason  # type: ignore[attr-defined]
    assert "locked by the NFC lease of an earlier run until " in reason
    assert "no privilege Sessions.TerminateSession" in reason


def test_undo_ends_it_before_the_snapshot_goes(tmp_path: Path) -> None:
    rig = killed_while_exporting(tmp_path)
    ports = rig.ports
    undo = Undo(Recorder(rig.store), ports, actor=ALICE, work_dir=rig.work_dir, sleep=lambda _: None)
    results = undo.run(None)
    assert [result.problem for result in results] == [""] * len(results)
    kinds = [result.step.effect.kind for result in results]
    assert kinds.index(EffectKind.NFC_LEASE) < kinds.index(EffectKind.VMWARE_SNAPSHOT)
    assert rig.source.leases[0].state == "aborted: ended by a later run"
