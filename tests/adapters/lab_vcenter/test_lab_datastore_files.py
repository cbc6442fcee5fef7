"""/folder: ranges of flat extents, behind a session and the lock of a running VM."""

from urllib.parse import quote

import pytest
from lab_vcenter_rig import Lab, finish


def flat_url(name: str, number: int = 0, *, datastore: str = "datastore1") -> str:
    ending = f"_{number}" if number else ""
    return f"/folder/{quote(name)}/{quote(name)}{ending}-flat.vmdk?dcPath=DC1&dsName={quote(datastore)}"


@pytest.fixture
def cookie(lab: Lab) -> dict[str, str]:
    return {"Cookie": lab.login()._stub.cookie}


def test_ranges_are_the_bytes_of_the_disk(lab: Lab, cookie):
    raw = lab.server.scenario.vm("tiny-03").disks[1].raw_path
    with raw.open("rb") as disk:
        head = disk.read(4096)
    status, headers, body = lab.http(
        "GET", flat_url("tiny-03", 1), headers={**cookie, "Range": "bytes=0-4095"}
    )
    assert (status, body) == (206, head)
    assert headers["Content-Range"] == f"bytes 0-4095/{1 << 30}"
    status, _, tail = lab.http("GET", flat_url("tiny-03", 1), headers={**cookie, "Range": "bytes=-512"})
    assert (status, len(tail)) == (206, 512)


def test_head_tells_the_size(lab: Lab, cookie):
    status, headers, body = lab.http("HEAD", flat_url("tiny-02"), headers=cookie)
    assert (status, headers["Content-Length"], body) == (200, str(1 << 30), b"")


@pytest.mark.parametrize(
    ("path", "header", "expected"),
    [
        (flat_url("no-such-vm"), "bytes=0-1", 404),
        (flat_url("tiny-02"), f"bytes={1 << 40}-", 416),
        (flat_url("tiny-02"), "lines=1-2", 416),
        (flat_url("tiny-01"), "bytes=0-1", 500),
    ],
    ids=["unknown file", "beyond the end", "nonsense", "written by a running VM"],
)
def test_what_cannot_be_read(lab: Lab, cookie, path, header, expected):
    assert lab.http("GET", path, headers={**cookie, "Range": header})[0] == expected


def test_without_a_session_nothing_is_read(lab: Lab):
    assert lab.http("GET", flat_url("tiny-02"))[0] == 401


def test_the_base_below_a_snapshot_of_a_running_vm_is_readable(lab: Lab, cookie):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-01")
    finish(vm.CreateSnapshot_Task("s", "", False, False))
    assert lab.http("GET", flat_url("tiny-01"), headers={**cookie, "Range": "bytes=0-511"})[0] == 206
