"""Login over SOAP: right and wrong passwords, expiry in both forms, and what dies with a session."""

import gc
import ssl
import time

import pytest
from lab_vcenter_rig import PASSWORD, USER, finish, ready
from pyVim.connect import SmartConnect
from pyVmomi import vim, vmodl


def test_smart_connect_logs_in_over_verified_tls(lab):
    instance = lab.login()
    content = instance.RetrieveContent()
    assert content.about.apiType == "VirtualCenter"
    assert content.sessionManager.currentSession.userName == USER
    assert instance._stub.version == "vim.version.v8_0_3_0"
    assert abs((instance.CurrentTime() - instance.serverClock).total_seconds()) < 5


def refusal_of(lab, **credentials):
    """The fault of a login that fails; nothing keeps what pyVmomi forgets to close."""
    with pytest.raises(vim.fault.InvalidLogin) as caught:
        SmartConnect(host="127.0.0.1", port=lab.server.port, sslContext=lab.context, **credentials)
    return caught.value.msg


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # pyVmomi leaves that socket open
def test_wrong_password_is_invalid_login(lab):
    assert "incorrect user name or password" in refusal_of(lab, user=USER, pwd="no")
    assert "incorrect user name or password" in refusal_of(lab, user="nobody", pwd=PASSWORD)
    assert lab.server.state()["sessions"] == []
    gc.collect()


def test_certificate_is_refused_without_the_labs_authority(lab):
    strict = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        SmartConnect(host="127.0.0.1", port=lab.server.port, user=USER, pwd=PASSWORD, sslContext=strict)


def test_logout_ends_the_session(lab):
    instance = lab.login()
    content = instance.RetrieveContent()
    content.sessionManager.Logout()
    with pytest.raises(vim.fault.NotAuthenticated):
        content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    assert lab.server.state()["sessions"] == []


def test_an_expired_session_raises_or_reports_missing(lab):
    content = lab.login().RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    lab.server.sessions.end_all()
    with pytest.raises(vim.fault.NotAuthenticated):
        content.customFieldsManager.AddCustomFieldDef(name="x")
    result = content.propertyCollector.RetrievePropertiesEx([_vm_names(view)], _options())
    assert [part.path for part in result.objects[0].missingSet] == ["name"]
    assert isinstance(result.objects[0].missingSet[0].fault, vim.fault.NotAuthenticated)
    assert list(result.objects[0].propSet) == []


def test_a_session_without_calls_expires(start_lab):
    lab = start_lab("tiny", session_idle_seconds=0.3)
    content = lab.login().RetrieveContent()
    time.sleep(0.5)
    assert content.sessionManager.currentSession is None


def test_views_die_with_their_session(lab):
    instance = lab.login()
    content = instance.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    content.sessionManager.Logout()
    content.sessionManager.Login(USER, PASSWORD, None)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = view.view


def test_leases_die_with_their_session_and_unlock_the_vm(lab):
    content = lab.login().RetrieveContent()
    ready(lab.vm(content, "tiny-02").ExportVm())
    assert len(lab.server.state()["leases"]) == 1
    lab.server.sessions.end_all()
    assert lab.server.state()["leases"] == []
    finish(lab.vm(lab.login().RetrieveContent(), "tiny-02").PowerOnVM_Task())


def test_two_logins_are_two_sessions(lab):
    first, second = lab.login().RetrieveContent(), lab.login().RetrieveContent()
    assert first.sessionManager.currentSession.key != second.sessionManager.currentSession.key
    assert len(lab.server.state()["sessions"]) == 2
    assert first.sessionManager.SessionIsActive(second.sessionManager.currentSession.key, USER)


def _vm_names(view):
    collector = vmodl.query.PropertyCollector
    walk = collector.TraversalSpec(name="view", type=vim.view.ContainerView, path="view", skip=False)
    return collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])],
    )


def _options():
    return vmodl.query.PropertyCollector.RetrieveOptions()
