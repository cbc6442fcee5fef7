"""One Private Network for all VMs of a batch: made once, whoever comes first, and removed with the batch."""

import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import BATCH_ID, plan_of, vm_named
from fakes.rig import ALICE, Rig
from fakes.world import failing

from v2s_tui.domain.errors import Cancelled, TargetUnavailable
from v2s_tui.domain.execution.ledger import EffectKind, EffectState
from v2s_tui.domain.execution.undoing import undo_steps
from v2s_tui.domain.hand_over import made_by_wave
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.report import leftover_effects
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.domain.target.private_networks import PrivateNetwork
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.shared_work import SharedWork
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES
from v2s_tui.engine.undo import Undo
from v2s_tui.presentation.import_blocks import import_blocks

LAN = NewNetwork(name="lan", subnet="10.9.0.0/24")
NIC = PlannedNic("Network adapter 1", "00:50:56:00:00:01", "LAN", "lan")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Six VMs that all join the same network."""
    plan = plan_of([("all", [vm_named(f"web-{number}") for number in range(6)], PausePolicy.CONTINUE)])
    plan = replace(plan, vms=tuple(replace(each, nics=(NIC,)) for each in plan.vms), private_networks=(LAN,))
    rig = Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE))
    rig.settings = replace(rig.settings, stage=replace(rig.settings.stage, private_networks=(LAN,)))
    return rig


def _network_effects(rig: Rig) -> list[tuple[str, EffectState, str]]:
    return [
        (each.vm_name, each.state, each.resource_id)
        for each in rig.state.effects.values()
        if each.kind is EffectKind.PRIVATE_NETWORK
    ]


def _undo(rig: Rig) -> Undo:
    ports = rig.ports
    return Undo(Recorder(rig.store), ports, actor=ALICE, work_dir=rig.work_dir, sleep=lambda _: None)


def test_it_is_made_once_and_all_join_it(rig: Rig) -> None:
    rig.world.rules.append(lambda name, *_: time.sleep(0.02 * (name == "create_private_network")))
    rig.run()
    (network,) = rig.cloud.of_kind("private_network")
    assert network.tags == (f"v2s:{BATCH_ID}:private_network:lan",)
    assert network.zone == "fr-par"
    assert [each.name for each in rig.cloud.of_kind("private_nic")] == [network.id] * 6
    assert _network_effects(rig) == [("", EffectState.MADE, network.id)]
    assert network.id not in {each.resource_id for each in leftover_effects(rig.state)}


def test_one_whose_answer_was_lost_is_not_made_again(rig: Rig) -> None:
    lost = TargetUnavailable("the connection broke")
    rig.world.rules.append(failing("create_private_network", lost, phase="after"))
    rig.run()
    assert rig.cloud.created["private_network"] == 1
    assert {each.status for each in rig.state.jobs.values()} == {JobStatus.COMPLETE}


def test_a_runner_that_dies_anywhere_makes_no_second(rig: Rig) -> None:
    for commits in range(60, 200, 7):
        if not rig.run_until_death(commits):
            break
    rig.run()
    assert rig.cloud.created["private_network"] == 1
    assert [state for _, state, _ in _network_effects(rig)] == [EffectState.MADE]


def test_one_that_was_there_is_used_and_never_ours(rig: Rig) -> None:
    rig.cloud.networks = (PrivateNetwork("id-old", "lan", ("10.9.0.0/24",)),)
    rig.run()
    assert rig.cloud.created["private_network"] == 0
    assert {each.name for each in rig.cloud.of_kind("private_nic")} == {"id-old"}
    assert _network_effects(rig) == []


def test_undo_of_the_batch_removes_it_after_its_users(rig: Rig) -> None:
    rig.run()
    names = tuple(rig.state.jobs)
    steps = [step.effect.kind for step in undo_steps(rig.state)]
    assert steps.index(EffectKind.PRIVATE_NETWORK) > max(
        number for number, kind in enumerate(steps) if kind is EffectKind.PRIVATE_NIC
    )
    results = _undo(rig).run(None, named=names)
    assert [each.problem for each in results if each.problem] == []
    assert rig.cloud.of_kind("private_network") == []
    assert [state for _, state, _ in _network_effects(rig)] == [EffectState.GONE]


def test_undo_of_one_vm_leaves_what_the_others_use(rig: Rig) -> None:
    rig.run()
    _undo(rig).run(["web-1"], named=["web-1"])
    assert len(rig.cloud.of_kind("private_network")) == 1
    assert len(rig.cloud.of_kind("private_nic")) == 5


def test_undo_keeps_a_network_that_something_else_joined(rig: Rig) -> None:
    rig.run()
    (network,) = rig.cloud.of_kind("private_network")
    other = CloudResource("nic-x", network.id, CloudState.READY, "available", "fr-par-1", attached_to="it")
    rig.cloud.resources["private_nic", "nic-x"] = other
    results = _undo(rig).run(None, named=tuple(rig.state.jobs))
    kept = Counter(each.problem for each in results if each.problem)
    assert kept == {"lan is kept: 1 addresses in use": 1}
    assert rig.cloud.of_kind("private_network") == [network]
    assert [state for _, state, _ in _network_effects(rig)] == [EffectState.MADE]


def test_it_is_handed_over_as_code(rig: Rig) -> None:
    rig.run()
    text = import_blocks(made_by_wave(rig.state))
    (network,) = rig.cloud.of_kind("private_network")
    assert "# shared by the VMs of the batch\nimport {\n  to = scaleway_vpc_private_network.lan\n" in text
    assert f'id = "fr-par/{network.id}"' in text


def test_who_waits_for_another_can_be_cancelled() -> None:
    shared, cancelled = SharedWork(), threading.Event()
    cancelled.set()
    with (
        shared.alone("the network", threading.Event()),
        pytest.raises(Cancelled),
        shared.alone("the network", cancelled),
    ):
        raise AssertionError("two were inside")
