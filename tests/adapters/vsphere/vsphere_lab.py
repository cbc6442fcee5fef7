"""How the tests of this folder name the lab, reach it and break it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from v2s_tui.adapters.vsphere.address import Timeouts, VcenterAddress
from v2s_tui.adapters.vsphere.source import VsphereSource
from v2s_tui.domain.source.vm import Vm
from v2s_tui.lab.faults import FaultRule, FaultRules
from v2s_tui.lab.vcenter.server import VCenterServer

StartLab = Callable[..., VCenterServer]
Connect = Callable[..., VsphereSource]
QUICK_ENOUGH = Timeouts(connect=5, call=5, task=10, busy=1, lease_ready=3, heartbeat=0.1)


def address_of_lab(server: VCenterServer, tls_folder: Path, **more: Any) -> VcenterAddress:
    """The lab's address, trusted by its authority."""
    facts: dict[str, Any] = {
        "username": "migrator",
        "password": lambda: "s3cret",
        "ca_file": str(tls_folder / "ca.pem"),
        "timeouts": QUICK_ENOUGH,
        **more,
    }
    return VcenterAddress(host=server.host, port=server.port, **facts)


def lab_rules(rules: list[dict[str, Any]]) -> list[FaultRule]:
    """Fault rules as a rule file writes them, for `lab.faults.replace`."""
    return [rule for rule, _ in FaultRules.parse(rules).strikes()]


def named(source: VsphereSource, name: str) -> Vm:
    """The VM of that name in the list."""
    return next(vm for vm in source.inventory() if vm.name == name)
