"""A lease that a killed process left: freed by ending that process's session, where the account may."""

from contextlib import ExitStack

import pytest
from vsphere_lab import Connect, StartLab, named

from v2s_tui.adapters.vsphere.source import VsphereSource
from v2s_tui.domain.errors import LeaseFailed, SourceError
from v2s_tui.lab.vcenter.server import VCenterServer

RIGHT = "Sessions.TerminateSession"


def left_open(source: VsphereSource, lab: VCenterServer, stack: ExitStack) -> str:
    """The id of a lease that stays open until the test ends, as a killed process leaves it."""
    lease = stack.enter_context(source.open_lease(named(source, "tiny-02").moref, None))
    assert len(lab.state()["leases"]) == 1
    return lease.id


def test_another_session_frees_the_vm(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    later = open_source(lab)
    moref = named(later, "tiny-02").moref
    with ExitStack() as stack:
        lease_id = left_open(open_source(lab), lab, stack)
        with pytest.raises(SourceError, match="another task is running"):
            later.create_snapshot(moref, "v2s-x", description="", quiesce=False)
        assert later.end_lease(lease_id) == ""
        assert lab.state()["leases"] == []
        later.create_snapshot(moref, "v2s-x", description="", quiesce=False)
        assert later.end_lease(lease_id) == "", "ending it twice is no failure"


def test_the_holder_on_record_before_it_was_opened_is_enough(
    start_lab: StartLab, open_source: Connect
) -> None:
    lab = start_lab()
    dead, later = open_source(lab), open_source(lab)
    holder = dead.lease_holder
    with ExitStack() as stack:
        left_open(dead, lab, stack)
        assert later.end_lease(holder) == ""
        assert lab.state()["leases"] == []


def test_without_the_right_it_says_so(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab(denied_privileges=frozenset({RIGHT}))
    later = open_source(lab)
    with ExitStack() as stack:
        lease_id = left_open(open_source(lab), lab, stack)
        assert later.end_lease(lease_id) == f"no privilege {RIGHT}"
        assert len(lab.state()["leases"]) == 1


def test_ones_own_lease_ends_without_the_session(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    with ExitStack() as stack:
        assert source.end_lease(left_open(source, lab, stack)) == ""
        assert lab.state()["leases"] == []
        assert named(source, "tiny-01")


def test_an_unknown_session_is_told(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab())
    assert "not on record" in source.end_lease("")
    assert "not on record" in source.end_lease(" session-lease-99")


def test_the_id_does_not_open_the_session(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    with ExitStack() as stack:
        key, moref = left_open(source, lab, stack).split(" ")
        session = source._session
        assert key == session.key
        assert key not in session.cookie
        assert moref


def test_a_new_login_under_an_open_lease_frees_the_vm_at_once(
    start_lab: StartLab, open_source: Connect
) -> None:
    lab = start_lab()
    source = open_source(lab)
    moref = named(source, "tiny-02").moref
    with source.open_lease(moref, None) as lease:
        source._session._renew(source._session.generation)
        with pytest.raises(LeaseFailed, match="ended at vCenter, by itself or with its session"):
            lease.complete()
    assert lab.state()["leases"] == []
    source.create_snapshot(moref, "v2s-x", description="", quiesce=False)
