"""Scenarios of the lab: which VMs, hosts and disks it pretends to have."""

from v2s_tui.lab.scenarios.loader import ScenarioError, load_scenario
from v2s_tui.lab.scenarios.model import DiskSpec, HostSpec, NicSpec, Scenario, VmSpec

__all__ = ["DiskSpec", "HostSpec", "NicSpec", "Scenario", "ScenarioError", "VmSpec", "load_scenario"]
