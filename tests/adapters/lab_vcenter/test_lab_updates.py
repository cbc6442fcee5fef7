"""Watching: WaitForUpdatesEx with versions, truncation, time limits, and collectors of the client's own."""

import contextlib
import gc
import threading
import time

import pytest
from lab_vcenter_rig import Lab, finish
from pyVmomi import vim, vmodl
from test_lab_inventory_reading import PC, view_spec


def power_filter(content):
    return view_spec(content, vim.VirtualMachine, ["name", "runtime.powerState"])


def test_first_answer_enters_everything_then_only_changes_follow(lab: Lab):
    content = lab.login().RetrieveContent()
    collector = content.propertyCollector
    watching = collector.CreateFilter(power_filter(content), False)
    first = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=5))
    entered = first.filterSet[0].objectSet
    assert {each.kind for each in entered} == {"enter"}
    assert len(entered) == 4
    assert collector.WaitForUpdatesEx(first.version, PC.WaitOptions(maxWaitSeconds=0)) is None

    vm = lab.vm(content, "tiny-02")
    vm.PowerOnVM_Task()
    second = collector.WaitForUpdatesEx(first.version, PC.WaitOptions(maxWaitSeconds=10))
    (changed,) = second.filterSet[0].objectSet
    assert (changed.obj, changed.kind) == (vm, "modify")
    assert [(each.name, each.val) for each in changed.changeSet] == [("runtime.powerState", "poweredOn")]
    assert second.filterSet[0].filter == watching
    watching.DestroyPropertyFilter()
    assert collector.WaitForUpdatesEx(second.version, PC.WaitOptions(maxWaitSeconds=0)) is None


def test_large_first_answers_come_truncated(start_lab):
    lab = start_lab("fleet", vm_count=250)
    content = lab.login().RetrieveContent()
    collector = content.propertyCollector.CreatePropertyCollector()
    collector.CreateFilter(power_filter(content), False)
    version, sizes = "", []
    while True:
        answer = collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=0))
        if answer is None:
            break
        version = answer.version
        sizes.append(len(answer.filterSet[0].objectSet))
    assert sizes == [100, 100, 50]
    collector.DestroyPropertyCollector()
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0))


def test_a_deleted_vm_leaves(lab: Lab):
    content = lab.login().RetrieveContent()
    collector = content.propertyCollector
    collector.CreateFilter(power_filter(content), False)
    version = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0)).version
    vm = lab.vm(content, "tiny-02")
    finish(vm.Destroy_Task())
    answer = collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=5))
    assert [(each.obj, each.kind) for each in answer.filterSet[0].objectSet] == [(vm, "leave")]
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = vm.name


def test_waiting_ends_with_its_time_and_can_be_cancelled(lab: Lab):
    content = lab.login().RetrieveContent()
    collector = content.propertyCollector
    collector.CreateFilter(power_filter(content), False)
    version = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0)).version
    started = time.monotonic()
    assert collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=1)) is None
    assert time.monotonic() - started > 0.9
    threading.Timer(0.2, collector.CancelWaitForUpdates).start()
    with pytest.raises(vmodl.fault.RequestCanceled):
        collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=20))


def test_an_old_version_is_refused_and_an_empty_one_starts_again(lab: Lab):
    content = lab.login().RetrieveContent()
    collector = content.propertyCollector
    collector.CreateFilter(power_filter(content), False)
    collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0))
    with pytest.raises(vmodl.query.InvalidCollectorVersion):
        collector.WaitForUpdatesEx("77", PC.WaitOptions(maxWaitSeconds=0))
    again = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0))
    assert len(again.filterSet[0].objectSet) == 4


def test_a_property_that_becomes_unset_is_told(lab: Lab):
    content = lab.login().RetrieveContent()
    vm = lab.vm(content, "tiny-01")
    snapshot = finish(vm.CreateSnapshot_Task("s", "", False, False))
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=vm)],
        propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["snapshot"])],
    )
    collector = content.propertyCollector
    collector.CreateFilter(spec, False)
    version = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0)).version
    finish(snapshot.RemoveSnapshot_Task(False))
    answer = collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=5))
    assert [each.op for each in answer.filterSet[0].objectSet[0].changeSet] == ["indirectRemove"]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # of the call that was cut
def test_a_stopping_server_wakes_those_who_wait(start_lab):
    lab = start_lab("tiny")
    instance = lab.login()
    content = instance.RetrieveContent()
    collector = content.propertyCollector
    collector.CreateFilter(power_filter(content), False)
    version = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0)).version

    def wait() -> None:
        with contextlib.suppress(OSError):
            collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=50))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    time.sleep(0.2)
    lab.connections.clear()
    started = time.monotonic()
    lab.server.stop()
    assert time.monotonic() - started < 25, "it waited for the call to end by itself"
    waiting.join(5)
    assert not waiting.is_alive()
    instance._stub.DropConnections()
    gc.collect()
