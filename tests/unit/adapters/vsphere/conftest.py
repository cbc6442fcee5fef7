"""Parsed places for the tests of this folder."""

import pytest
from vsphere_xml import PLACES, retrieve_answer

from v2s_tui.adapters.vsphere.answer import read_body, read_objects
from v2s_tui.adapters.vsphere.places import Places, join


@pytest.fixture
def places() -> Places:
    """One datacentre below a folder of datacentres, a cluster, a single host, a vApp."""
    _, result = read_body(retrieve_answer(*PLACES))
    return join(read_objects(result.get("returnval")))
