"""What the lab's vCenter holds right now, for tests: is anything left behind?"""

from typing import Any

from v2s_tui.lab.vcenter.sessions import Sessions
from v2s_tui.lab.vcenter.tags import Tags
from v2s_tui.lab.vcenter.world import World


def lab_state(world: World, sessions: Sessions, tags: Tags) -> dict[str, Any]:
    """A JSON document. Names of VMs are inventory paths, `/DC1/Production/web-01`.

    snapshots: those on each VM that has any; new_snapshots: those its scenario does not have. leases: open
    ones. power, tags, custom_attributes: per VM. sessions: open logins. requests: calls of each operation.
    """
    with world.lock:
        vms = {vm.path(): vm for vm in world.vms()}
        names_of = {path: [each.name for each in vm.all_snapshots()] for path, vm in vms.items()}
        snapshots = {path: names for path, names in names_of.items() if names}
        fields = world.custom_fields
        return {
            "scenario": world.scenario.name,
            "snapshots": snapshots,
            "new_snapshots": {
                path: added
                for path, names in snapshots.items()
                if (added := [name for name in names if name not in vms[path].spec.snapshots])
            },
            "leases": [
                {"id": lease.moid, "vm": path} for path, vm in vms.items() for lease in vm.open_leases
            ],
            "power": {path: vm.power for path, vm in vms.items()},
            "tags": {path: [tag.name for tag in tags.of(vm.moid)] for path, vm in vms.items()},
            "custom_attributes": {
                path: {fields[key]: value for key, value in vm.custom_values.items()}
                for path, vm in vms.items()
                if vm.custom_values
            },
            "sessions": [{"user": session.user_name, "calls": session.calls} for session in sessions.open()],
            "requests": dict(world.requests),
        }
