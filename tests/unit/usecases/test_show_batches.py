"""Which batch is meant where no id is given."""

import os
import socket
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.engine.control import socket_path
from v2s_tui.system.locks import LockOwner
from v2s_tui.usecases.run_batch import restart_lines
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import live_picture, running_path

IDS = ("11111111", "22222222", "33333333")
"""From the oldest to the newest."""


@pytest.fixture
def services(tmp_path: Path) -> Services:
    rig = Rig(plan_of([("all", [vm_named("web-01")], PausePolicy.CONTINUE)]), tmp_path)
    state = batch_of(rig.plan)
    for days, batch_id in enumerate(IDS):
        made = state.header.created_at + timedelta(days=days)
        header = replace(state.header, batch_id=batch_id, created_at=made)
        BatchStateFile.create(tmp_path, replace(state, header=header)).close()
    return services_over(rig)


def path(services: Services, batch_id: str) -> Path:
    return services.state_dir / f"batch-{batch_id}.json"


@pytest.mark.parametrize(
    ("running", "meant"), [((), "33333333"), (("11111111",), "11111111"), (("33333333",), "33333333")]
)
def test_the_one_that_runs_is_meant_else_the_newest(
    services: Services, running: tuple[str, ...], meant: str
) -> None:
    with ExitStack() as stack:
        for each in running:
            stack.callback(BatchStateFile.open(path(services, each)).close)
        for to_command in (True, False):
            assert running_path(services, None, to_command=to_command) == path(services, meant)
            assert running_path(services, "22222222", to_command=to_command) == path(services, "22222222")


def test_of_several_a_command_must_name_one(services: Services) -> None:
    """`approve` for the wrong one would open its gate."""
    with ExitStack() as stack:
        for each in IDS[:2]:
            stack.callback(BatchStateFile.open(path(services, each)).close)
        with pytest.raises(StateError, match="2 batches run: 22222222, 11111111"):
            running_path(services, None, to_command=True)
        assert running_path(services, None, to_command=False) == path(services, "22222222")


def test_a_runner_that_hangs_is_not_told_as_none(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """`no runner, go on with batch resume` would send an operator against a wall."""
    monkeypatch.setattr("v2s_tui.engine.attach._PATIENCE_SECONDS", 0.2)
    store = BatchStateFile.open(path(services, "33333333"))
    where = socket_path(store.path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(where))
        listening.listen()
        store.announce(LockOwner(os.getpid(), "here", str(where)))
        with pytest.raises(StateError, match="does not answer"):
            live_picture(services, None)
    where.unlink()
    assert live_picture(services, None).live is False, "it has just left: the record tells the rest"
    store.close()


def test_a_resume_of_a_batch_that_runs_is_refused_before_it_tells_of_restarts(services: Services) -> None:
    store = BatchStateFile.open(path(services, "33333333"))
    with pytest.raises(StateError, match="batch 33333333 runs already, in process"):
        restart_lines(services, "33333333")
    store.close()
    assert [each.vm_name for each in restart_lines(services, "33333333")] == ["web-01"]
