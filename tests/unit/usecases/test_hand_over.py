"""Import blocks for each wave of a batch that ran: nothing twice, nothing missing, networks included."""

import io
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import hcl2
import pytest
from click.testing import CliRunner
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over

from v2s_tui import bootstrap
from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.cli.main import cli
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES
from v2s_tui.usecases.report_batch import hand_over
from v2s_tui.usecases.services import Services

NETWORKS = (NewNetwork(name="lan", subnet="10.9.0.0/24"), NewNetwork(name="dmz", subnet="10.8.0.0/24"))


def _nic(network: str) -> PlannedNic:
    return PlannedNic("Network adapter 1", "00:50:56:00:00:01", "LAN", network)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Waves `pilot` (one VM on lan), `2` (a VM on lan, one on dmz), `3` (one VM on lan)."""
    waves = [
        ("pilot", [vm_named("app-1")], PausePolicy.CONTINUE),
        ("2", [vm_named("web-1", disks=2), vm_named("dmz-1")], PausePolicy.CONTINUE),
        ("last", [vm_named("db-1")], PausePolicy.CONTINUE),
    ]
    plan = plan_of(waves)
    vms = [replace(each, nics=(_nic("dmz" if "dmz" in each.name else "lan"),)) for each in plan.vms]
    rig = Rig(
        replace(plan, vms=tuple(vms), private_networks=NETWORKS),
        tmp_path,
        stages=dict(STAGES),
        evidence=dict(EVIDENCE),
    )
    rig.settings = replace(
        rig.settings, stage=replace(rig.settings.stage, private_networks=NETWORKS, make_image=False)
    )
    rig.store = BatchStateFile.create(tmp_path, batch_of(rig.plan))  # type: ignore[assignment]
    rig.run()
    rig.store.close()
    return services_over(rig)


def _addresses(text: str) -> list[str]:
    return [
        str(each["to"]).strip("${}").removeprefix("scaleway_")
        for each in hcl2.load(io.StringIO(text))["import"]
    ]


def test_every_wave_has_its_own_and_the_networks_it_is_first_to_join(services: Services) -> None:
    assert _addresses(hand_over(services, BATCH_ID, wave="pilot")) == [
        "vpc_private_network.lan",
        "instance_server.app_1",
        "block_volume.app_1_disk_0",
        "instance_private_nic.app_1_nic_0",
    ]
    assert _addresses(hand_over(services, None, wave="2")) == [
        "vpc_private_network.dmz",
        "instance_server.web_1",
        "block_volume.web_1_disk_0",
        "block_volume.web_1_disk_1",
        "instance_private_nic.web_1_nic_0",
        "instance_server.dmz_1",
        "block_volume.dmz_1_disk_0",
        "instance_private_nic.dmz_1_nic_0",
    ]


def test_the_waves_together_are_the_whole(services: Services) -> None:
    whole = hand_over(services, BATCH_ID)
    assert [line for line in whole.splitlines() if "----" in line] == [
        "# ---- wave 1: pilot ----",
        "# ---- wave 2: 2 ----",
        "# ---- wave 3: last ----",
    ]
    parts = [_addresses(hand_over(services, BATCH_ID, wave=number)) for number in ("1", "2", "3")]
    assert [each for part in parts for each in part] == _addresses(whole)
    assert len(set(_addresses(whole))) == len(_addresses(whole))


def test_a_wave_that_is_not_there_is_named_with_those_that_are(services: Services) -> None:
    with pytest.raises(InputError, match="no wave '4'") as caught:
        hand_over(services, BATCH_ID, wave="4")
    assert "wave 1: pilot, wave 2: 2, wave 3: last" in caught.value.hint


def test_the_command_writes_one_wave_to_a_file(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "open_services", lambda *_, **__: nullcontext(services))
    target = tmp_path / "wave-1.tf"
    command = ["batch", "report", "--format", "opentofu", "--wave", "pilot", "-o", str(target)]
    assert CliRunner().invoke(cli, command).exit_code == 0
    assert target.read_text() == hand_over(services, BATCH_ID, wave="pilot")
    refused = CliRunner().invoke(cli, ["batch", "report", "--wave", "pilot"])
    assert refused.exit_code == 2
    assert "--wave goes with --format opentofu" in refused.output
