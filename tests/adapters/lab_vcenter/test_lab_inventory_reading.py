"""Reading the inventory: views, property sets, paging, joins, and what is missing or unset."""

import pytest
from lab_vcenter_rig import Lab
from pyVmomi import vim, vmodl

from v2s_tui.lab.scenarios import load_scenario

PC = vmodl.query.PropertyCollector
LIST = [
    "name",
    "parent",
    "config.uuid",
    "config.guestFullName",
    "config.hardware.numCPU",
    "config.hardware.memoryMB",
    "config.firmware",
    "config.template",
    "runtime.powerState",
    "runtime.host",
    "guest.ipAddress",
    "guest.toolsRunningStatus",
    "summary.storage.committed",
    "snapshot",
    "datastore",
]


def view_spec(content, kind, paths):
    """A filter over everything of a kind, as every inventory client builds it."""
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    walk = PC.TraversalSpec(name="view", type=vim.view.ContainerView, path="view", skip=False)
    start = PC.ObjectSpec(obj=view, skip=True, selectSet=[walk])
    wanted = PC.PropertySpec(type=kind, pathSet=paths, all=paths is None)
    return PC.FilterSpec(objectSet=[start], propSet=[wanted])


def read_all(content, kind, paths, *, page=None):
    """All objects of a kind as `[(ref, {path: value})]`, following tokens."""
    collector = content.propertyCollector
    answer = collector.RetrievePropertiesEx(
        [view_spec(content, kind, paths)], PC.RetrieveOptions(maxObjects=page)
    )
    found = []
    while answer is not None:
        found += answer.objects
        answer = collector.ContinueRetrievePropertiesEx(answer.token) if answer.token else None
    return [(each.obj, {part.name: part.val for part in each.propSet}) for each in found]


def test_every_listed_property_arrives_with_its_value(lab: Lab):
    rows = {row["name"]: row for _, row in read_all(lab.login().RetrieveContent(), vim.VirtualMachine, LIST)}
    assert set(rows) == {"tiny-01", "tiny-02", "tiny-03", "tiny-win-01"}
    on, off = rows["tiny-01"], rows["tiny-02"]
    assert on["runtime.powerState"] == "poweredOn"
    assert on["config.firmware"] == "bios"
    assert off["config.firmware"] == "efi"
    assert on["config.hardware.memoryMB"] == 2048
    assert on["guest.ipAddress"].startswith("10.20.")
    assert "guest.ipAddress" not in off
    assert "snapshot" not in on
    assert on["summary.storage.committed"] > 2**31  # a long survives
    assert [store.name for store in on["datastore"]] == ["datastore1"]


@pytest.mark.parametrize("page", [1, 7, 100])
def test_pages_hold_every_vm_once_in_order(start_lab, page):
    lab = start_lab("fleet", vm_count=23)
    content = lab.login().RetrieveContent()
    whole = read_all(content, vim.VirtualMachine, ["name"])
    paged = read_all(content, vim.VirtualMachine, ["name"], page=page)
    assert paged == whole
    assert len({row["name"] for _, row in whole}) == 23


def test_a_token_is_good_once_and_can_be_cancelled(start_lab):
    content = start_lab("fleet", vm_count=5).login().RetrieveContent()
    spec = view_spec(content, vim.VirtualMachine, ["name"])
    collector = content.propertyCollector
    token = collector.RetrievePropertiesEx([spec], PC.RetrieveOptions(maxObjects=2)).token
    collector.CancelRetrievePropertiesEx(token)
    with pytest.raises(vmodl.fault.InvalidArgument):
        collector.ContinueRetrievePropertiesEx(token)


def test_unknown_property_is_an_invalid_property(lab: Lab):
    content = lab.login().RetrieveContent()
    with pytest.raises(vmodl.query.InvalidProperty) as caught:
        read_all(content, vim.VirtualMachine, ["name", "config.noSuchThing"])
    assert caught.value.name == "config.noSuchThing"


def test_names_join_to_the_folders_of_the_scenario(start_lab, disk_folder):
    content = start_lab("fleet", vm_count=40).login().RetrieveContent()
    scenario = load_scenario("fleet", vm_count=40, folder=disk_folder)
    above = {}
    for kind in (vim.Folder, vim.Datacenter, vim.ClusterComputeResource):
        above |= dict(read_all(content, kind, ["name", "parent"]))
    hosts = dict(read_all(content, vim.HostSystem, ["name", "parent"]))
    for _, row in read_all(content, vim.VirtualMachine, ["name", "parent", "runtime.host"]):
        spec = scenario.vm(row["name"])
        _, datacenter, *folders = spec.folder.split("/")
        assert _path(row["parent"], above) == [datacenter, "vm", *folders]
        assert hosts[row["runtime.host"]]["name"] == spec.host


def _path(ref, above):
    names = []
    while ref in above:
        names.insert(0, above[ref]["name"])
        ref = above[ref].get("parent")
    return names


@pytest.mark.parametrize(
    "kind",
    [
        vim.VirtualMachine,
        vim.HostSystem,
        vim.ClusterComputeResource,
        vim.Datacenter,
        vim.Folder,
        vim.Datastore,
        vim.Network,
        vim.ResourcePool,
    ],
)
@pytest.mark.parametrize("scenario", ["tiny", "awkward"])
def test_whole_objects_can_be_read(start_lab, scenario, kind):
    content = start_lab(scenario).login().RetrieveContent()
    rows = read_all(content, kind, None)
    assert rows
    assert all("name" in row for _, row in rows)


def test_a_vm_without_configuration_still_has_a_name_and_a_state(start_lab):
    content = start_lab("awkward").login().RetrieveContent()
    rows = {row["name"]: row for _, row in read_all(content, vim.VirtualMachine, [*LIST, "config"])}
    unreadable = rows["no-config-01"]
    assert not [path for path in unreadable if path.startswith("config")]
    assert unreadable["runtime.powerState"] == "poweredOff"


def test_awkward_names_survive_the_wire(start_lab, disk_folder):
    content = start_lab("awkward").login().RetrieveContent()
    names = [row["name"] for _, row in read_all(content, vim.VirtualMachine, ["name"])]
    assert sorted(names) == sorted(vm.name for vm in load_scenario("awkward", folder=disk_folder).vms)
    assert names.count("twin-01") == 2


def test_devices_have_real_keys_and_point_to_their_controllers(start_lab):
    lab = start_lab("awkward")
    devices = lab.vm(lab.login().RetrieveContent(), "many-disks-01").config.hardware.device
    disks = [each for each in devices if isinstance(each, vim.vm.device.VirtualDisk)]
    controllers = {
        each.key: each for each in devices if isinstance(each, vim.vm.device.VirtualSCSIController)
    }
    assert len(disks) == 17
    assert [disk.key for disk in disks] == list(range(2000, 2017))
    places = [(disk.controllerKey, disk.unitNumber) for disk in disks]
    assert len(set(places)) == 17
    assert all(key in controllers and unit != 7 for key, unit in places)


def test_kinds_of_backing_and_modes_are_told_apart(start_lab):
    lab = start_lab("awkward")
    content = lab.login().RetrieveContent()
    backing = {
        name: _disks(lab.vm(content, name))[1].backing
        for name in ("rdm-01", "rdm-virtual-01", "independent-01", "shared-disk-01")
    }
    raw_mapping = vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo
    assert isinstance(backing["rdm-01"], raw_mapping)
    assert backing["rdm-01"].compatibilityMode == "physicalMode"
    assert backing["rdm-virtual-01"].compatibilityMode == "virtualMode"
    assert backing["independent-01"].diskMode == "independent_persistent"
    assert backing["shared-disk-01"].sharing == "sharingMultiWriter"


def test_list_view_and_old_retrieve_properties(lab: Lab):
    content = lab.login().RetrieveContent()
    vm = lab.vm(content, "tiny-03")
    view = content.viewManager.CreateListView([vm])
    walk = PC.TraversalSpec(name="view", type=vim.view.ListView, path="view", skip=False)
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
        propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name", "config.hardware.device"])],
    )
    answer = content.propertyCollector.RetrieveProperties([spec])
    assert [part.val for part in answer[0].propSet if part.name == "name"] == ["tiny-03"]
    view.DestroyView()
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        content.propertyCollector.RetrieveProperties([spec])


def test_recursive_folder_traversal_by_named_selections(lab: Lab):
    """The classic walk of scripts without views: selections that name each other."""
    content = lab.login().RetrieveContent()
    recurse = [PC.SelectionSpec(name="folders"), PC.SelectionSpec(name="datacenters")]
    folders = PC.TraversalSpec(
        name="folders", type=vim.Folder, path="childEntity", skip=False, selectSet=recurse
    )
    datacenters = PC.TraversalSpec(
        name="datacenters", type=vim.Datacenter, path="vmFolder", skip=False, selectSet=recurse[:1]
    )
    start = PC.ObjectSpec(obj=content.rootFolder, skip=True, selectSet=[folders, datacenters])
    spec = PC.FilterSpec(
        objectSet=[start], propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])]
    )
    answer = content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
    assert len(answer.objects) == 4


def test_look_ups_by_path_and_uuid(lab: Lab):
    content = lab.login().RetrieveContent()
    vm = content.searchIndex.FindByInventoryPath("DC1/vm/Production/Windows/tiny-win-01")
    assert vm.name == "tiny-win-01"
    assert content.searchIndex.FindByInventoryPath("DC1/vm/Nowhere") is None
    assert content.searchIndex.FindByUuid(None, vm.config.instanceUuid, True, True) == vm
    assert content.searchIndex.FindAllByUuid(None, vm.config.uuid, True, False) == [vm]


def test_an_unknown_method_is_a_fault_and_not_a_hang_up(lab: Lab):
    content = lab.login().RetrieveContent()
    with pytest.raises(vmodl.fault.MethodNotFound):
        content.taskManager.CreateCollectorForTasks(vim.TaskFilterSpec())


def test_garbage_is_answered_with_a_fault(lab: Lab):
    for body in (b"", b"<html/>", b"<Envelope><Body><Nonsense/></Body></Envelope>"):
        status, _, answer = lab.http("POST", "/sdk", body=body)
        assert (status, b"InvalidRequest" in answer) == (500, True)


def test_answers_are_gzipped_for_clients_that_take_it(start_lab):
    lab = start_lab("fleet", vm_count=50)
    instance = lab.login()
    content, stub = instance.RetrieveContent(), instance._stub
    cookie = stub.cookie
    spec = view_spec(content, vim.VirtualMachine, LIST)
    info = vmodl.query.PropertyCollector.RetrievePropertiesEx.info
    request = stub.SerializeRequest(content.propertyCollector, info, ([spec], PC.RetrieveOptions()))
    plain = lab.http("POST", "/sdk", body=request, headers={"Cookie": cookie})
    packed = lab.http("POST", "/sdk", body=request, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
    assert packed[1]["Content-Encoding"] == "gzip"
    assert len(packed[2]) * 5 < len(plain[2])


def _disks(vm):
    return [each for each in vm.config.hardware.device if isinstance(each, vim.vm.device.VirtualDisk)]


def test_denied_properties_are_missing_and_not_the_vm(start_lab):
    lab = start_lab("strange")
    content = lab.login().RetrieveContent()
    spec = view_spec(content, vim.VirtualMachine, ["name", "config.uuid", "guest.ipAddress"])
    answer = content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
    denied = next(each for each in answer.objects if each.missingSet)
    assert [part.val for part in denied.propSet] == ["denied-01"]
    assert [part.path for part in denied.missingSet] == ["config.uuid", "guest.ipAddress"]
    assert {type(part.fault) for part in denied.missingSet} == {vim.fault.NoPermission}
    with pytest.raises(vim.fault.NoPermission):
        _ = denied.obj.config


def test_a_value_of_tomorrows_api_reaches_the_client_as_it_is(start_lab):
    instance = start_lab("strange").login()
    content, stub = instance.RetrieveContent(), instance._stub
    spec = view_spec(content, vim.VirtualMachine, ["name", "runtime.powerState"])
    with pytest.raises(KeyError, match="TypeOfTomorrow"):  # pyVmomi loses the whole page
        content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
    stub.DropConnections()
