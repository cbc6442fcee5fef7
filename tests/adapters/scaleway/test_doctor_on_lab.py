"""The doctor against the lab's real sockets: every endpoint, three clocks, rights, and a plan's needs."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from v2s_tui.bootstrap import SystemClock, build_services
from v2s_tui.cli.main import cli
from v2s_tui.config.load import load_config
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.lab.up import Lab
from v2s_tui.usecases import run_doctor as doctor

pytestmark = pytest.mark.lab

REFUSED = '{"type": "permissions_denied", "details": [{"action": "read", "resource": "ssh_key"}]}'
RULES = [{"server": "scaleway", "operation": "GET */ssh-keys", "status": 403, "body": REFUSED}]
LINUX = """
version: 1
defaults: {zone: fr-par-1}
migrations:
  - {vm_pattern: "tiny-0*", target_type: POP2-2C-8G}
"""
WITH_WINDOWS = """
version: 1
defaults: {zone: fr-par-1}
migrations:
  - {vm_pattern: "tiny-0*", target_type: POP2-2C-8G, network_mapping: {"*": public}}
  - {vm_name: tiny-win-01, target_type: POP2-4C-16G-WIN}
"""


class LateClock(SystemClock):
    """A conversion host that is 20 minutes late."""

    def now(self):
        return super().now() - timedelta(minutes=20)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    faults = folder / "faults.json"
    faults.write_text(json.dumps(RULES))
    running = Lab(folder / "lab", scenario="tiny", faults=faults)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def services(lab):
    settings = load_config(lab.config_file, {})
    scaleway = settings.scaleway.model_copy(update={"api_rate": 200.0})
    opened = build_services(settings.model_copy(update={"scaleway": scaleway}))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def what_is_tested_elsewhere(monkeypatch):
    """The host's tools are slow to ask, and so is the sample that is sent."""
    monkeypatch.setattr(doctor, "check_host", lambda *_args, **_named: ())
    monkeypatch.setattr(doctor, "upload_rate", lambda _: 1e8)


@pytest.fixture
def account(lab):
    """Sets quotas and stock for one test."""
    settings = lab.scaleway.world.account
    yield lambda **given: lab.scaleway.world.change_settings(given)
    settings.quotas.clear()
    settings.stock.clear()


def looked_at(services, tmp_path, plan: str = "") -> list[Check]:
    path = tmp_path / "plan.yaml"
    path.write_text(plan)
    return list(doctor.run_doctor(services, tmp_path, plan=path if plan else None))


def named(checks: list[Check], area: str, name: str) -> Check:
    (found,) = (each for each in checks if (each.area, each.name) == (area, name))
    return found


def test_every_endpoint_has_a_line_and_every_clock_is_compared(services, tmp_path):
    checks = looked_at(services, tmp_path)
    settings = services.settings
    ports = {
        "vcenter": settings.vmware.port,
        "scaleway": int(settings.scaleway.api_url.rpartition(":")[2]),
        "storage": int(settings.scaleway.storage_url.rpartition(":")[2]),
    }
    for area, port in ports.items():
        assert " ms" in named(checks, area, f"port {port}").detail
        assert named(checks, area, "clock").detail in {"0 s apart", "1 s apart"}
    assert [each.name for each in checks if each.area == "esxi"] == ["esxi-01", "esxi-02"]
    assert named(checks, "storage", "region").detail == "fr-par, as zone fr-par-1"
    assert "`v2s disk canary`" in named(checks, "storage", "pass-through").fix
    assert not [each for each in checks if each.state is CheckState.FAIL]


def test_a_host_that_is_late_is_found_at_all_three(services, tmp_path):
    checks = looked_at(replace(services, clock=LateClock()), tmp_path)
    clocks = {each.area: each for each in checks if each.name == "clock"}
    assert {area: each.state for area, each in clocks.items()} == {
        "vcenter": CheckState.WARN,
        "scaleway": CheckState.FAIL,
        "storage": CheckState.FAIL,
    }
    assert {each.detail for each in clocks.values()} <= {"1200 s apart", "1199 s apart", "1201 s apart"}


def test_a_plan_that_fits_is_told_with_its_figures(services, tmp_path, account):
    """A right that only Windows needs is no more than a warning to it."""
    account(quotas={"cp_servers_type_POP2_2C_8G": 3})
    checks = looked_at(services, tmp_path, LINUX)
    right, check = named(checks, "scaleway", "rights"), named(checks, "plan", "POP2-2C-8G")
    assert right.state is CheckState.WARN
    assert right.fix.endswith("SSHKeysReadOnly")
    assert check.state is CheckState.OK
    assert check.detail == "3 wanted in fr-par-1, 0 of 3 in use; stock available"
    assert not [each for each in checks if each.state is CheckState.FAIL]


def test_what_the_account_has_not_is_told_for_each_type_with_its_fix(services, tmp_path, account):
    account(
        quotas={"cp_servers_type_POP2_2C_8G": 2, "instance_ips": 2, "sbs_volumes_total_size_gb": 1},
        stock={"fr-par-1/POP2-4C-16G-WIN": "shortage"},
    )
    checks = looked_at(services, tmp_path, WITH_WINDOWS)
    quota, stock = named(checks, "plan", "POP2-2C-8G"), named(checks, "plan", "POP2-4C-16G-WIN")
    assert quota.state is stock.state is CheckState.FAIL
    assert "2 allowed" in quota.detail
    assert "1 more POP2-2C-8G" in quota.fix
    assert "sold out" in stock.detail
    assert "another type or zone" in stock.fix
    assert "public_ip: false" in named(checks, "plan", "ip-quota").fix
    assert "more GB of Block Storage" in named(checks, "plan", "block-storage-quota").detail
    access = named(checks, "plan", "scaleway-access")
    assert access.state is CheckState.FAIL
    assert "SSHKeysReadOnly" in access.detail


def test_a_zone_of_another_region_than_the_bucket_is_a_failure(services, tmp_path):
    settings = services.settings
    scaleway = settings.scaleway.model_copy(update={"default_zone": "nl-ams-1"})
    checks = looked_at(
        replace(services, settings=settings.model_copy(update={"scaleway": scaleway})), tmp_path
    )
    region = named(checks, "storage", "region")
    assert region.state is CheckState.FAIL
    assert "scaleway.s3_region" in region.fix


def test_endpoints_that_do_not_answer_are_told_once_each(services, tmp_path):
    nowhere = "https://127.0.0.1:9"
    settings = services.settings
    scaleway = settings.scaleway.model_copy(update={"api_url": nowhere, "s3_endpoint": nowhere})
    vmware = settings.vmware.model_copy(update={"port": 9})
    moved = settings.model_copy(update={"scaleway": scaleway, "vmware": vmware})
    checks = looked_at(build_services(moved), tmp_path)
    failed = [each for each in checks if each.state is CheckState.FAIL]
    assert [(each.area, each.name) for each in failed] == [
        ("vcenter", "port 9"),
        ("scaleway", "port 9"),
        ("storage", "port 9"),
    ]
    assert all("allow TCP 9 to 127.0.0.1" in each.fix for each in failed)


def test_the_command_takes_a_plan_and_ends_with_4_where_something_is_in_the_way(lab, tmp_path, account):
    plan: Path = tmp_path / "plan.yaml"
    plan.write_text(LINUX)
    account(quotas={"cp_servers_type_POP2_2C_8G": 0})
    ran = CliRunner().invoke(cli, ["doctor", "--config", str(lab.config_file), "--plan", str(plan)])
    assert ran.exit_code == 4, ran.output
    assert "FAIL  plan      POP2-2C-8G           3 POP2-2C-8G in fr-par-1" in ran.stdout
    assert "ok    plan      VMs                  3 VMs in 1 wave" in ran.stdout
