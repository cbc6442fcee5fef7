"""cloud-init in a migrated guest: Scaleway's datasource, and nothing of the guest's own is replaced."""

from typing import Any

import yaml
from fakes.guest_files import TextFiles
from test_guest_planner import UBUNTU, Files, applied, plan_of

from v2s_tui.adapters.guest.linux.cloud_init import plan_cloud_init
from v2s_tui.domain.guest.network import NicMode, NicPlan

SITE: Files = {
    "/etc/cloud/cloud.cfg": "ssh_deletekeys: true\npreserve_hostname: false\n"
    "system_info:\n  default_user: {name: ubuntu, lock_passwd: true}\n",
    "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: [NoCloud, VMware, None]\n",
    "/etc/cloud/cloud.cfg.d/99-installer.cfg": "datasource_list: [None]\nnetwork: {version: 2}\n",
    "/etc/cloud/cloud.cfg.d/99-DataSourceVMwareGuestInfo.cfg": "datasource_list: [VMwareGuestInfo]\n",
}


def merged(files: Files) -> dict[str, Any]:
    """As cloud-init reads them: cloud.cfg, then cloud.cfg.d in order of names; mappings are merged."""
    result: dict[str, Any] = {}
    for path in sorted(path for path in files if path.startswith("/etc/cloud/")):
        merge(
            result, yaml.safe_load(str(files[path] if isinstance(files[path], str) else files[path].decode()))
        )
    return result


def merge(into: dict[str, Any], new: dict[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def test_the_guest_keeps_network_name_host_keys_and_users() -> None:
    after = applied(SITE, plan_of(SITE))
    settings = merged(after)
    assert settings["datasource_list"] == ["Scaleway", "NoCloud", "None"]
    assert settings["network"]["config"] == "disabled"
    assert settings["preserve_hostname"] is True
    assert settings["ssh_deletekeys"] is False
    assert settings["system_info"]["default_user"] == {"name": "ubuntu", "lock_passwd": False}
    assert plan_cloud_init(TextFiles(after)) == ()


def test_a_guest_without_cloud_init_gets_none_of_it() -> None:
    assert plan_cloud_init(TextFiles({"/etc/hostname": "x\n"})) == ()


def test_an_address_that_cloud_init_once_wrote_is_kept() -> None:
    """50-cloud-init.yaml is edited like any other file of netplan, and nothing writes it again."""
    once = "network:\n  version: 2\n  ethernets:\n    ens192:\n      addresses: [10.0.0.2/24]\n"
    files: Files = {path: text for path, text in UBUNTU.items() if "netplan" not in path}
    files["/etc/netplan/50-cloud-init.yaml"] = once
    after = applied(files, plan_of(files, NicPlan(NicMode.KEEP, source_name="ens192")))
    kept = after["/etc/netplan/50-cloud-init.yaml"]
    text = kept if isinstance(kept, str) else kept.decode()
    assert "10.0.0.2/24" in text
    assert "ens2" in text
    assert merged(after)["network"] == {"config": "disabled"}
