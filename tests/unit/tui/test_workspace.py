"""Marks, filter and plan with undo, without any screen."""

from datetime import UTC, datetime
from pathlib import Path

from v2s_tui.domain.planning.edit import with_vms
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.tui.workspace import Workspace, vm_key

VMS = tuple(
    Vm(moref=f"vm-{number}", name=f"web-{number:02d}", instance_uuid=f"u{number}") for number in range(5)
)


def inventory(*vms: Vm) -> Inventory:
    return Inventory(vms, source="vc", taken_at=datetime(2026, 11, 25, tzinfo=UTC))


def test_marks_toggle_as_a_group() -> None:
    work = Workspace(inventory=inventory(*VMS))
    work.toggle_marks(VMS[:2])
    work.toggle_marks(VMS[:3])
    assert work.marked_vms() == VMS[:3]
    work.toggle_marks(VMS[:3])
    assert work.marked_vms() == ()


def test_marks_of_vanished_vms_are_dropped_and_hidden_ones_counted() -> None:
    work = Workspace(inventory=inventory(*VMS))
    work.toggle_marks(VMS)
    work.set_inventory(inventory(*VMS[1:]))
    assert vm_key(VMS[0]) not in work.marked
    assert work.hidden_marks(VMS[3:]) == 2


def test_undo_and_redo_walk_the_plans() -> None:
    work = Workspace()
    one, two = with_vms(work.plan, ["a"]), with_vms(work.plan, ["a", "b"])
    work.edit(one)
    work.edit(two)
    assert work.undo()
    assert work.plan == one
    assert work.redo()
    assert work.plan == two
    assert not work.redo()


def test_an_edit_after_undo_forgets_what_was_undone() -> None:
    work = Workspace()
    work.edit(with_vms(work.plan, ["a"]))
    work.undo()
    work.edit(with_vms(work.plan, ["b"]))
    assert not work.redo()


def test_a_plan_is_dirty_until_saved() -> None:
    work = Workspace()
    assert not work.dirty
    work.edit(with_vms(work.plan, ["a"]))
    assert work.dirty
    work.saved(Path("plan.yaml"))
    assert not work.dirty


def test_listeners_hear_what_changed() -> None:
    work, heard = Workspace(), []
    work.listeners.append(heard.append)
    work.set_inventory(inventory(*VMS))
    work.toggle_marks(VMS[:1])
    work.edit(with_vms(work.plan, ["a"]))
    assert heard == ["inventory", "marks", "plan"]
