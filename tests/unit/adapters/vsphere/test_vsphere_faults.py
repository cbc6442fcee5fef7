"""Fault types to our errors."""

import pickle

import pytest
from pyVmomi import vim, vmodl
from vsphere_xml import envelope

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.answer import read_body
from v2s_tui.adapters.vsphere.faults import VimFault, VimFaultError
from v2s_tui.adapters.vsphere.values import Value
from v2s_tui.domain.errors import QuiesceFailed, SessionExpired


def soap_fault(detail: str) -> VimFault:
    body = f"<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>words</faultstring><detail>{detail}</detail></soapenv:Fault>"  # noqa: E501
    name, parts = read_body(envelope(body))
    assert name == "Fault"
    return faults.from_soap(parts)


def test_the_type_of_a_soap_fault_is_in_its_detail() -> None:
    fault = soap_fault(
        '<ManagedObjectNotFoundFault xmlns="urn:vim25" xsi:type="ManagedObjectNotFound">'
        '<obj type="VirtualMachine">vm-9</obj></ManagedObjectNotFoundFault>'
    )
    assert (fault.kind, fault.subject, fault.message) == ("ManagedObjectNotFound", "vm-9", "words")


def test_a_fault_without_xsi_type_goes_by_its_element() -> None:
    assert soap_fault('<NotAuthenticatedFault xmlns="urn:vim25"/>').kind == "NotAuthenticated"


def test_a_fault_without_detail_is_a_system_error() -> None:
    assert soap_fault("").kind == "SystemError"


def test_pyvmomi_faults_become_plain_data() -> None:
    fault = faults.from_pyvmomi(vim.fault.NoPermission(msg="no", privilegeId="VApp.Export"))
    assert (fault.kind, fault.privilege) == ("NoPermission", "VApp.Export")
    error = faults.error_of(fault, "Export of vm-1")
    assert str(error).startswith(
        "Export of vm-1: the vCenter account lacks a privilege: VApp.Export. Grant it"
    )


def test_a_pyvmomi_fault_knows_what_is_gone() -> None:
    gone = vmodl.fault.ManagedObjectNotFound(obj=vim.VirtualMachine("vm-3"))
    assert faults.from_pyvmomi(gone).subject == "vm-3"


@pytest.mark.parametrize("kind", ["ApplicationQuiesceFault", "FilesystemQuiesceFault"])
def test_quiescing_has_an_error_of_its_own(kind: str) -> None:
    with pytest.raises(QuiesceFailed, match="could not be quiesced"):
        raise faults.error_of(VimFault(kind), "Snapshot s of vm-1")


def test_an_expired_session_has_one_too() -> None:
    assert isinstance(faults.error_of(VimFault("NotAuthenticated"), "x"), SessionExpired)


def test_unknown_faults_keep_their_name_and_the_servers_words() -> None:
    error = faults.error_of(VimFault("BrandNewFault", "a\x1b[31mb"), "Snapshot of vm-1")
    assert isinstance(error, VimFaultError)
    assert error.title == "Snapshot of vm-1: vCenter answered BrandNewFault (a[31mb)"


def test_only_passing_troubles_are_transient() -> None:
    assert faults.error_of(VimFault("TaskInProgress"), "x").transient
    assert not faults.error_of(VimFault("NoPermission"), "x").transient


def test_errors_do_not_hold_pyvmomi_objects() -> None:
    """pyVmomi's cannot be pickled, and errors travel between processes."""
    fault = faults.from_pyvmomi(vim.fault.InvalidPowerState(msg="off"))
    assert pickle.loads(pickle.dumps(fault.kind)) == "InvalidPowerState"  # noqa: S301
    assert all(isinstance(value, str) for value in vars(fault).values())


def test_a_generic_fault_that_tells_of_quiescing_is_one() -> None:
    """What VMware Tools could not do often comes as a generic fault; only its message keys say so."""
    message = {"key": "msg.snapshot.error-QUIESCINGERROR", "message": "Erreur de mise en veille"}
    fault: Value = {"@type": "GenericVmConfigFault", "faultMessage": [{"key": "msg.x"}, message]}
    error = faults.error_of(faults.from_localized({"fault": fault, "localizedMessage": "Erreur"}), "Snapshot")
    assert isinstance(error, QuiesceFailed)
