"""The doctor tells what it saw, prepares nothing unasked, and names what to install."""

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.clock import FakeClock
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects
from fakes.source import FakeSource
from fakes.world import World

from v2s_tui.adapters.guest import appliance
from v2s_tui.config.settings import Settings, VmwareSettings
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.planning.account_access import MissingAccess, NeededFor
from v2s_tui.usecases import check_host as host
from v2s_tui.usecases import run_doctor
from v2s_tui.usecases.run_doctor import _login
from v2s_tui.usecases.services import Services


def vcenter_checks(tmp_path: Path, **vmware: Any) -> dict[str, Check]:
    settings = Settings(vmware=VmwareSettings(vcenter="vc.example.com", username="operator", **vmware))
    made = SimpleNamespace(settings=settings, source=lambda: FakeSource(World(), {}), work_dir=tmp_path)
    return {each.name: each for each in _login(cast(Services, made))}


def test_version_and_trust_of_the_vcenter_are_shown(tmp_path: Path) -> None:
    checks = vcenter_checks(tmp_path)
    assert checks["version"].detail == "vCenter in memory 1.0"
    assert (checks["TLS"].state, checks["TLS"].fix) == (CheckState.OK, "")
    unverified = vcenter_checks(tmp_path, insecure=True)["TLS"]
    assert unverified.state is CheckState.WARN
    assert "ca_file" in unverified.fix


def scaleway_checks(monkeypatch: pytest.MonkeyPatch, *missing: MissingAccess) -> tuple[list[Check], World]:
    """What is said of an account whose endpoint answers."""
    world, clock = World(), FakeClock()
    cloud = FakeCloud(world, FakeObjects(world), missing=missing, limits={"instance_ips": 5, "images": -1})
    made = SimpleNamespace(settings=Settings(), cloud=lambda: cloud, clock=clock)
    answers = Check("scaleway", "port 443", CheckState.OK, "")
    monkeypatch.setattr(run_doctor, "check_reach", lambda *_: answers)
    monkeypatch.setattr(run_doctor, "time_of_server", lambda *_: clock.now())
    return list(run_doctor._scaleway(cast(Services, made))), world


@pytest.mark.parametrize("proxy", ["http://me:hunter2@proxy:999999", "http://me:hun[ter2@proxy:1"])
def test_a_proxy_that_is_no_url_is_a_finding_and_not_the_end(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    services = cast(Services, SimpleNamespace(settings=Settings()))
    (check,) = run_doctor._guarded("scaleway", "access", lambda: run_doctor._scaleway(services))
    assert (check.state, "HTTPS_PROXY" in check.fix) == (CheckState.FAIL, True)
    assert "hunter2" not in f"{check.detail}{check.fix}"


def test_a_key_with_all_rights_is_asked_for_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, world = scaleway_checks(monkeypatch)
    assert [each.name for each in checks] == ["port 443", "clock", "rights", "catalogue", "quotas"]
    assert {each.state for each in checks} == {CheckState.OK}
    assert checks[-1].detail == "1 limit known, 0 Instances in use"
    assert world.calls["catalogue"] == 1


def test_what_some_plans_need_is_a_warning_and_the_account_is_asked_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = MissingAccess("cannot read SSH keys", "allow it", NeededFor.WINDOWS)
    checks, _ = scaleway_checks(monkeypatch, missing)
    (right,) = (each for each in checks if each.name == "rights")
    assert (right.state, right.fix) == (CheckState.WARN, "allow it")
    assert right.detail == "cannot read SSH keys; plans that move Windows VMs need it"
    assert checks[-1].name == "quotas"


def test_what_every_plan_needs_is_a_failure_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read is not asked for again, which would fail a second time in other words."""
    checks, world = scaleway_checks(monkeypatch, MissingAccess("cannot read Instances", "allow it"))
    assert [(each.name, each.fix) for each in checks if each.state is CheckState.FAIL] == [
        ("rights", "allow it")
    ]
    assert world.calls["catalogue"] == 0


def test_a_home_that_cannot_be_written_fails_before_the_first_guest_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").touch()
    cache = tmp_path / "home" / "v2s"
    monkeypatch.setattr(host, "guestfs_installed", lambda: True)
    monkeypatch.setattr(appliance, "_check_guestfs", lambda: None)
    monkeypatch.setattr(appliance, "_check_module_folder", lambda: None)
    monkeypatch.setattr(appliance, "_host_kernel", lambda: None)
    for fix in (False, True):
        check = host._appliance(cache, fix=fix)
        assert (check.state, check.fix) == (CheckState.FAIL, appliance.CACHE_FIX)
        assert f"{cache} cannot be written" in check.detail


def test_the_appliance_is_prepared_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[Path] = []

    def prepare(cache: Path) -> Any:
        prepared.append(cache)
        return SimpleNamespace(acceleration="tcg")

    monkeypatch.setattr(host, "guestfs_installed", lambda: True)
    monkeypatch.setattr(host, "appliance_ready", lambda _: False)
    monkeypatch.setattr(host, "prepare_appliance", prepare)
    check = host._appliance(tmp_path, fix=False)
    assert (check.state, prepared) == (CheckState.WARN, [])
    assert "doctor --fix" in check.fix
    assert host._appliance(tmp_path, fix=True).state is CheckState.OK
    assert prepared == [tmp_path]


def test_packages_for_missing_tools_are_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_firmware() -> Any:
        raise ToolError("none", command="", exit_code=None, stderr_tail="", hint="")

    monkeypatch.setattr(
        host.shutil, "which", lambda name: None if name.startswith("grub") else f"/bin/{name}"
    )
    monkeypatch.setattr(host, "find_firmware", no_firmware)
    monkeypatch.setattr(host, "guestfs_installed", lambda: False)
    assert host.missing_packages() == ("grub-common", "ovmf", "python3-guestfs", "libguestfs-xfs")
    assert host.rehearsal_missing() == "none"
    monkeypatch.setattr(host.shutil, "which", lambda _: None)
    assert host.rehearsal_missing() == "qemu-system-x86_64 is not installed"


def test_a_full_disk_does_not_stop_the_other_checks() -> None:
    def full() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    (check,) = run_doctor._guarded("storage", "bucket", full)
    assert (check.state, check.detail) == (
        CheckState.FAIL, "a file of this host: No space left on device",
    )  # fmt: skip


def test_rights_that_only_some_plans_need_are_no_failure() -> None:
    power = {"VirtualMachine.Interact.PowerOff", "VirtualMachine.Interact.PowerOn"}
    assert [each.state for each in run_doctor._rights(set())] == [CheckState.OK]
    rest, least = run_doctor._rights(power)
    assert (rest.state, least.state) == (CheckState.OK, CheckState.WARN)
    assert "PowerOff, VirtualMachine.Interact.PowerOn; `consistency: cold`" in least.detail
    refused, _ = run_doctor._rights({"VApp.Export", *power})
    assert (refused.state, refused.detail) == (CheckState.FAIL, "missing VApp.Export")
