"""Tasks, snapshots, power, changes of configuration, custom attributes and rights."""

import pytest
from lab_vcenter_rig import Lab, finish, ready, wait_for
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl


def test_a_task_is_queued_runs_and_ends(start_lab):
    lab = start_lab("tiny", pace=1.0)
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-02")
    task = vm.PowerOnVM_Task()
    assert task.info.state == "queued"
    wait_for(lambda: task.info.state == "running" and (task.info.progress or 0) >= 25)
    assert vm.runtime.powerState == "poweredOff"
    wait_for(lambda: task.info.state == "success")
    info = task.info
    assert vm.runtime.powerState == "poweredOn"
    assert info.entity == vm
    assert info.queueTime <= info.startTime <= info.completeTime


def test_snapshots_form_a_tree_and_leave_it(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-01")
    assert vm.snapshot is None
    first = finish(vm.CreateSnapshot_Task("first", "why", False, True))
    second = finish(vm.CreateSnapshotEx_Task("second", None, False, None))
    root = vm.snapshot.rootSnapshotList[0]
    assert (root.name, root.description, root.quiesced, root.snapshot) == ("first", "why", True, first)
    assert [child.name for child in root.childSnapshotList] == ["second"]
    assert vm.snapshot.currentSnapshot == second
    finish(first.RemoveSnapshot_Task(False))
    assert [each.name for each in vm.snapshot.rootSnapshotList] == ["second"]
    assert lab.server.state()["new_snapshots"] == {"/DC1/Production/tiny-01": ["second"]}
    finish(vm.RemoveAllSnapshots_Task(True))
    assert vm.snapshot is None
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        second.RemoveSnapshot_Task(False)


def test_removing_with_children_takes_the_branch(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-02")
    first = finish(vm.CreateSnapshot_Task("first", "", False, False))
    finish(vm.CreateSnapshot_Task("second", "", False, False))
    finish(first.RemoveSnapshot_Task(True))
    assert vm.snapshot is None


def test_pyvims_own_wait_works_too(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-01")
    assert WaitForTask(vm.CreateSnapshot_Task("s", "", False, False)) == "success"


def test_without_tools_a_quiesced_snapshot_is_taken_unquiesced(start_lab):
    lab = start_lab("awkward")
    vm = lab.vm(lab.login().RetrieveContent(), "no-tools-01")
    finish(vm.CreateSnapshot_Task("s", "", False, True))
    assert vm.snapshot.rootSnapshotList[0].quiesced is False


def test_shared_and_independent_disks_limit_snapshots(start_lab):
    lab = start_lab("awkward")
    content = lab.login().RetrieveContent()
    with pytest.raises(vim.fault.SnapshotFault):
        lab.vm(content, "shared-disk-01").CreateSnapshot_Task("s", "", False, False)
    independent = lab.vm(content, "independent-01")
    with pytest.raises(vim.fault.MemorySnapshotOnIndependentDisk):
        independent.CreateSnapshot_Task("s", "", True, False)
    finish(independent.CreateSnapshot_Task("s", "", False, False))


def test_a_second_task_on_the_same_vm_is_refused(start_lab):
    lab = start_lab("tiny", pace=1.0)
    content = lab.login().RetrieveContent()
    vm = lab.vm(content, "tiny-01")
    task = vm.CreateSnapshot_Task("one", "", False, False)
    with pytest.raises(vim.fault.TaskInProgress) as caught:
        vm.CreateSnapshot_Task("two", "", False, False)
    assert caught.value.task == task
    lab.vm(content, "tiny-03").PowerOnVM_Task()  # another VM is free
    finish(task)
    finish(vm.CreateSnapshot_Task("two", "", False, False))


def test_power_follows_its_rules(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-02")
    with pytest.raises(vim.fault.InvalidPowerState) as caught:
        vm.PowerOffVM_Task()
    assert (caught.value.requestedState, caught.value.existingState) == ("poweredOff", "poweredOff")
    finish(vm.PowerOnVM_Task())
    finish(vm.SuspendVM_Task())
    finish(vm.PowerOnVM_Task())
    vm.ShutdownGuest()
    wait_for(lambda: vm.runtime.powerState == "poweredOff")
    assert vm.guest.toolsRunningStatus == "guestToolsNotRunning"


def test_shutdown_needs_tools(start_lab):
    lab = start_lab("awkward")
    vm = lab.vm(lab.login().RetrieveContent(), "no-tools-01")
    with pytest.raises(vim.fault.ToolsUnavailable):
        vm.ShutdownGuest()


def test_a_disconnected_vm_takes_no_orders(start_lab):
    lab = start_lab("awkward")
    vm = lab.vm(lab.login().RetrieveContent(), "disconnected-01")
    assert vm.runtime.connectionState == "disconnected"
    with pytest.raises(vim.fault.InvalidState):
        vm.CreateSnapshot_Task("s", "", False, False)


def test_an_open_lease_locks_the_vm(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-02")
    lease = vm.ExportVm()
    ready(lease)
    for attempt in (
        vm.PowerOnVM_Task,
        vm.Destroy_Task,
        lambda: vm.CreateSnapshot_Task("s", "", False, False),
    ):
        with pytest.raises(vim.fault.TaskInProgress):
            attempt()
    lease.HttpNfcLeaseAbort()
    finish(vm.PowerOnVM_Task())


def test_notes_and_change_tracking_can_be_set(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-01")
    finish(vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="migrated", changeTrackingEnabled=True)))
    assert (vm.config.annotation, vm.config.changeTrackingEnabled) == ("migrated", True)


def test_custom_attributes(lab: Lab):
    content = lab.login().RetrieveContent()
    vm, fields = lab.vm(content, "tiny-01"), content.customFieldsManager
    assert [each.name for each in fields.field] == ["owner"]
    made = fields.AddCustomFieldDef(name="migrated-to", moType=vim.VirtualMachine)
    with pytest.raises(vim.fault.DuplicateName):
        fields.AddCustomFieldDef(name="migrated-to", moType=vim.VirtualMachine)
    fields.SetField(vm, made.key, "fr-par-1")
    assert {each.key: each.value for each in vm.customValue}[made.key] == "fr-par-1"
    assert lab.server.state()["custom_attributes"]["/DC1/Production/tiny-01"]["migrated-to"] == "fr-par-1"
    fields.SetField(vm, made.key, "")
    assert made.key not in {each.key for each in vm.customValue}


def test_rights_can_be_lacking(start_lab):
    lab = start_lab("tiny", denied_privileges=frozenset({"VApp.Export"}))
    content = lab.login().RetrieveContent()
    vm = lab.vm(content, "tiny-01")
    session = content.sessionManager.currentSession.key
    answer = content.authorizationManager.HasPrivilegeOnEntities(
        [vm], session, ["VApp.Export", "VirtualMachine.State.CreateSnapshot"]
    )
    granted = {each.privId: each.isGranted for each in answer[0].privAvailability}
    assert granted == {"VApp.Export": False, "VirtualMachine.State.CreateSnapshot": True}
