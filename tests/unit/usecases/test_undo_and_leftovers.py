"""Undo and leftovers as command line and app call them: a real state file and a world in memory."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over
from fakes.world import failing

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.cli.leftovers import put_leftovers, remove_leftovers
from v2s_tui.cli.undo import undo
from v2s_tui.domain.errors import InputError, StateError, TargetError, ToolError, VerificationFailed
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.leftovers import Leftover, in_removal_order
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import CloudState
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES
from v2s_tui.usecases.leftovers import find_leftovers, remove_leftover
from v2s_tui.usecases.report_batch import batch_report
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.undo import preview_undo, undo_batch

BROKEN = ToolError("bad", command="", exit_code=1, stderr_tail="")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """web-01 is complete, db-01 failed at its import."""
    vms = [vm_named("web-01", disks=2), vm_named("db-01")]
    plan = plan_of([("all", vms, PausePolicy.CONTINUE)])
    rig = Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE))
    rig.world.rules.append(failing("import_snapshot", BROKEN, times=9, about="db-01"))
    rig.store = BatchStateFile.create(tmp_path, batch_of(plan))  # type: ignore[assignment]
    rig.run()
    rig.store.close()
    return rig


@pytest.fixture
def services(rig: Rig) -> Services:
    services = services_over(rig)
    bucket = services.settings.scaleway.s3_bucket
    for (place, key), stored in list(rig.objects.objects.items()):
        rig.objects.objects[bucket, key] = rig.objects.objects.pop((place, key), stored)
    return services


def test_the_preview_changes_nothing_and_names_running_instances(rig: Rig, services: Services) -> None:
    before = dict(rig.cloud.resources)
    preview = preview_undo(services, BATCH_ID)
    assert preview.running == ("web-01",)
    assert {step.effect.vm_name for step in preview.steps} == {"web-01", "db-01"}
    assert rig.cloud.resources == before


def test_undo_of_a_failed_vm_leaves_the_complete_one(rig: Rig, services: Services) -> None:
    results = undo_batch(services, BATCH_ID, ["db-01"])
    assert [result.problem for result in results] == [""] * len(results)
    assert rig.source.snapshots == {}
    assert len(rig.cloud.of_kind("instance")) == 1
    assert preview_undo(services, BATCH_ID, ["db-01"]).steps == ()


def test_the_command_lists_and_counts_what_really_goes(
    rig: Rig, services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("v2s_tui.cli.undo.open_services", lambda *_, **__: nullcontext(services))
    asked: list[str] = []
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text))
    steps = undo_steps_of(services, "db-01")
    assert undo(None, BATCH_ID, (), yes=False, dry_run=False) == 1
    shown = capsys.readouterr()
    assert asked == [f"Remove these {len(steps)}?"]
    assert shown.out.splitlines() == steps
    assert [line for line in shown.err.splitlines() if "web-01" in line] == [
        "web-01: its Instance is running and stays; name it with --vm web-01"
    ]
    assert undo(None, BATCH_ID, (), yes=True, dry_run=False) == 1
    assert "NOT removed" in capsys.readouterr().err
    assert undo(None, BATCH_ID, ("web-01",), yes=False, dry_run=False) == 0
    assert len(asked) == 2
    assert rig.cloud.of_kind("instance") == []


def undo_steps_of(services: Services, vm: str) -> list[str]:
    """As they are shown."""
    steps = preview_undo(services, BATCH_ID).steps
    return [step.describe() for step in steps if step.effect.vm_name == vm]


def test_undo_of_an_unknown_vm_or_batch_is_refused(services: Services) -> None:
    with pytest.raises(InputError, match="no VM 'nobody'"):
        preview_undo(services, BATCH_ID, ["nobody"])
    with pytest.raises(StateError, match="no batch ffffffff"):
        undo_batch(services, "ffffffff")


def test_undo_waits_for_the_runner_to_leave(services: Services) -> None:
    store = BatchStateFile.open(services.state_dir / f"batch-{BATCH_ID}.json")
    with pytest.raises(StateError, match="in use by process"):
        undo_batch(services, BATCH_ID)
    store.close()


def test_leftovers_are_what_the_failed_vm_made_and_can_be_removed(rig: Rig, services: Services) -> None:
    found = find_leftovers(services)
    assert {each.vm_name for each in found} == {"db-01"}
    assert {each.found.kind for each in found} == {EffectKind.VMWARE_SNAPSHOT, EffectKind.OBJECT}
    assert all(each.resumable for each in found)
    for each in found:
        remove_leftover(services, each)
    assert find_leftovers(services) == ()
    assert len(rig.cloud.of_kind("instance")) == 1


@pytest.fixture
def unverified(tmp_path: Path) -> Rig:
    """web-01 runs at Scaleway, but verify failed it: its operator may have put it to work all the same."""

    def refuse(*_: object) -> None:
        raise VerificationFailed("it does not answer at 443")

    plan = plan_of([("all", [vm_named("web-01")], PausePolicy.CONTINUE)])
    plan = replace(plan, vms=tuple(replace(each, public_ip=True) for each in plan.vms))
    rig = Rig(plan, tmp_path, stages={**STAGES, Stage.VERIFY: refuse}, evidence=dict(EVIDENCE))
    rig.store = BatchStateFile.create(tmp_path, batch_of(rig.plan))  # type: ignore[assignment]
    rig.run()
    rig.store.close()
    return rig


def test_an_instance_that_runs_is_shown_and_not_removed_with_the_rest(unverified: Rig) -> None:
    rig, services = unverified, services_over(unverified)
    found = in_removal_order(find_leftovers(services))
    shown = {each.found.kind: each for each in found}
    assert shown[EffectKind.INSTANCE].reason == f"its VM is failed in batch {BATCH_ID}, and it runs"
    problems = removed(services, found)
    assert set(problems) == {EffectKind.INSTANCE, EffectKind.IP, EffectKind.VOLUME}
    assert f"v2s batch undo --batch-id {BATCH_ID} --vm web-01" in problems[EffectKind.INSTANCE]
    (server,) = rig.cloud.of_kind("instance")
    assert (server.state, len(rig.cloud.of_kind("ip"))) == (CloudState.RUNNING, 1)

    rig.cloud.instance_action("fr-par-1", server.id, "poweroff")
    assert removed(services, in_removal_order(find_leftovers(services))) == {}
    assert rig.cloud.resources == {}


def removed(services: Services, found: Iterable[Leftover]) -> dict[EffectKind, str]:
    """Remove them; why some stayed."""
    problems = {}
    for each in found:
        try:
            remove_leftover(services, each)
        except TargetError as err:
            problems[each.found.kind] = str(err)
    return problems


def test_what_no_record_knows_is_found_by_its_mark(rig: Rig, services: Services) -> None:
    loose = rig.cloud.create_ip("fr-par-1", tags=("v2s:deadbeef:42", "v2s:deadbeef:42:ip"))
    upload = rig.objects.begin_upload(services.settings.scaleway.s3_bucket, "migrations/42/disk-0.qcow2")
    found = {each.found.id: each for each in find_leftovers(services) if not each.vm_name}
    assert set(found) == {loose.id, upload}
    assert found[loose.id].monthly_eur == 3.0
    assert not found[loose.id].resumable


def test_nothing_is_removed_of_a_batch_that_was_resumed_since_the_list_was_made(
    rig: Rig, services: Services
) -> None:
    found = find_leftovers(services)
    store = BatchStateFile.open(services.state_dir / f"batch-{BATCH_ID}.json")
    for each in found:
        with pytest.raises(TargetError, match=f"batch {BATCH_ID} runs now"):
            remove_leftover(services, each)
    store.close()
    assert find_leftovers(services) == found


def test_a_batch_that_began_while_the_world_was_looked_at_keeps_what_it_makes(
    rig: Rig, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = plan_of([("all", [vm_named("late-01")], PausePolicy.CONTINUE)])
    started: list[BatchStateFile] = []
    listed = rig.objects.list_objects

    def list_objects(bucket: str, prefix: str) -> object:
        state = batch_of(newer)
        job = replace(state.jobs["late-01"], migration_id="a1b2c3d4")
        state = replace(state, header=replace(state.header, batch_id="11111111"), jobs={"late-01": job})
        started.append(BatchStateFile.create(tmp_path, state))
        rig.objects.begin_upload(bucket, f"migrations/{job.migration_id}/disk-0.qcow2")
        return listed(bucket, prefix)

    monkeypatch.setattr(rig.objects, "list_objects", list_objects)
    found = find_leftovers(services)
    started[0].close()
    assert EffectKind.MULTIPART_UPLOAD not in {each.found.kind for each in found}


def test_the_command_says_what_another_host_may_be_using(
    rig: Rig, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.objects.begin_upload(services.settings.scaleway.s3_bucket, "migrations/42/disk-0.qcow2")
    found = find_leftovers(services)
    put_leftovers(found, as_json=False)
    assert remove_leftovers(services, found, ask=False) == 0
    said = capsys.readouterr()
    assert "is it another host's?" in said.out
    assert "1 of them have no record here: a batch of another host or work folder may use them" in said.err


def test_the_report_is_made_of_the_record_alone(rig: Rig, services: Services) -> None:
    rig.world.dead = True
    text = batch_report(services, BATCH_ID)
    assert "| db-01 | import_scw | bad |" in text
    assert "EUR" in text
