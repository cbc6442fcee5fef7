"""What a canary proved stays proved while none has set out."""

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over

from v2s_tui.adapters.store.canaries import read_canary, write_canary
from v2s_tui.domain.errors import ConfigError
from v2s_tui.domain.execution.canary import CanaryRecord
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.usecases.canary import run_canary
from v2s_tui.usecases.cluster_mode import canary_target
from v2s_tui.usecases.services import Lazy


def test_a_canary_that_cannot_set_out_leaves_the_last_ones_result(tmp_path: Path) -> None:
    rig = Rig(plan_of([("all", [vm_named("web-01")], PausePolicy.CONTINUE)]), tmp_path)
    services = services_over(rig)
    target = canary_target(services.settings.scaleway)
    passed = CanaryRecord("0a1b2c3d", rig.clock.now(), passed=True, detail="200 clusters came back")
    write_canary(tmp_path, target, passed)

    def closed() -> None:
        raise ConfigError("scaleway.project_id is not set")

    for shut in ({"cloud": Lazy(closed)}, {"objects": Lazy(closed)}):
        with pytest.raises(ConfigError):
            run_canary(replace(services, **shut), say=lambda _: None)
        assert read_canary(tmp_path, target) == passed
