"""The snapshot tree of a VM: taking, removing, and how vSphere lists it."""

from pyVmomi import vim

from v2s_tui.lab.vcenter.inventory import Snapshot, VirtualMachine
from v2s_tui.lab.vcenter.world import World


def add_snapshot(
    world: World, vm: VirtualMachine, *, name: str, description: str = "", quiesced: bool = False
) -> Snapshot:
    """Take a snapshot below the current one, and make it the current one."""
    vm.snapshots_made += 1
    snapshot = Snapshot(world.new_id("snapshot"), name=name, vm=vm, number=vm.snapshots_made)
    snapshot.description, snapshot.quiesced, snapshot.above = description, quiesced, vm.current_snapshot
    siblings = vm.current_snapshot.children if vm.current_snapshot else vm.snapshots
    siblings.append(snapshot)
    vm.current_snapshot = snapshot
    world.add(snapshot)
    world.touch(vm)
    return snapshot


def remove_snapshot(world: World, snapshot: Snapshot, *, with_children: bool) -> None:
    """Take a snapshot out of the tree; its children move up unless they go with it."""
    vm = snapshot.vm
    siblings = snapshot.above.children if snapshot.above else vm.snapshots
    if with_children:
        for child in list(snapshot.children):
            remove_snapshot(world, child, with_children=True)
    position = siblings.index(snapshot)
    siblings[position : position + 1] = snapshot.children
    for child in snapshot.children:
        child.above = snapshot.above
    if vm.current_snapshot is snapshot:
        vm.current_snapshot = snapshot.above
    world.remove(snapshot)
    world.touch(vm)


def snapshot_tree(snapshot: Snapshot) -> object:
    """The snapshot and those below it, as vSphere lists them."""
    return vim.vm.SnapshotTree(
        snapshot=snapshot.ref,
        vm=snapshot.vm.ref,
        name=snapshot.name,
        description=snapshot.description,
        id=snapshot.number,
        createTime=snapshot.created_at,
        state=snapshot.power,
        quiesced=snapshot.quiesced,
        replaySupported=False,
        childSnapshotList=[snapshot_tree(child) for child in snapshot.children],
    )
