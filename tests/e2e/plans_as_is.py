"""Plans that copy guests as they are: what a campaign is about is the way, not the guest."""

from pathlib import Path
from typing import Any

import yaml
from lab_process import RunningLab, v2s

AS_IS: dict[str, Any] = {
    "adapt": False,
    "accept": {
        "bios-as-is": "the lab's disks hold no system",
        "windows-bios": "the lab's disks hold no system",
    },
}


def write_plan_as_is(lab: RunningLab, path: Path, *names: str) -> None:
    """`v2s inventory-plan` for VMs of these names (globs), then `defaults` as above."""
    filters = [part for name in names for part in ("-f", f"name:{name}")]
    made = v2s(lab, "inventory-plan", *filters, "-o", str(path))
    assert made.returncode == 0, made.stderr
    copies_only(path, path)


def copies_only(plan: Path, target: Path) -> Path:
    """The plan, written to target with `defaults` as above."""
    data = yaml.safe_load(plan.read_text())
    data["defaults"] = data.get("defaults", {}) | AS_IS
    target.write_text(yaml.safe_dump(data, sort_keys=False))
    return target
