"""The doctor tells what it saw, prepares nothing unasked, and names what to install."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.source import FakeSource
from fakes.world import World

from v2s_tui.config.settings import Settings, VmwareSettings
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import ToolError
from v2s_tui.usecases import check_host as host
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
