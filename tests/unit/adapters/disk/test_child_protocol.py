"""What runner and child tell each other."""

from pathlib import Path

import pytest

from v2s_tui.adapters.disk.child_protocol import (
    FlattenRequest,
    Progress,
    ReceiveRequest,
    Request,
    decode_answer,
    decode_part,
    decode_progress,
    decode_request,
    encode_answer,
    encode_failure,
    encode_part,
    encode_progress,
    encode_request,
)
from v2s_tui.adapters.disk.images import check_argv, overlay_argv
from v2s_tui.adapters.disk.part_plan import Part
from v2s_tui.domain.errors import LeaseFailed, SourceUnreachable, ToolError, V2sError, WorkDiskFull

RECEIVE = ReceiveRequest(
    url="https://esx/nfc/5/disk-0.vmdk",
    thumbprint="AA",
    ca_file="",
    insecure=False,
    capacity_bytes=5,
    partial_path=".d",
    mode="w12",
    stall_seconds=3.5,
    threads=2,
    sync=True,
    part_bytes=0,
    room_bytes=0,
    manifest_path=".m",
)
FLATTEN = FlattenRequest(
    overlay_path="o", partial_path=".u", threads=2, sync=False, layered=True, compact=True, manifest_path=""
)


@pytest.mark.parametrize("request_", [RECEIVE, FLATTEN])
def test_requests_arrive_as_they_were(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


@pytest.mark.parametrize("kind", [LeaseFailed, SourceUnreachable, WorkDiskFull])
def test_errors_keep_their_kind_and_hint(kind: type[V2sError]) -> None:
    with pytest.raises(kind) as caught:
        decode_answer(encode_failure(kind("it broke", hint="do that")))
    assert type(caught.value) is kind
    assert (caught.value.title, caught.value.hint) == ("it broke", "do that")


def test_tool_errors_arrive_too() -> None:
    error = ToolError("it broke", command="x", exit_code=1, stderr_tail="", hint="do that")
    with pytest.raises(ToolError, match="it broke"):
        decode_answer(encode_failure(error))


def test_result_arrives() -> None:
    assert decode_answer(encode_answer({"size_bytes": 7})) == {"size_bytes": 7}


def test_lines_are_told_apart() -> None:
    progress, part = Progress(1, 2, 3), Part(2, 100, 50)
    assert decode_progress(encode_progress(progress)) == progress
    assert decode_part(encode_part(part)) == part
    for line in ("Traceback (most recent call last):", "{}", ""):
        assert decode_progress(line) is None
        assert decode_part(line) is None
    assert decode_part(encode_progress(progress)) is None


def test_command_lines_of_qemu_img() -> None:
    assert check_argv(Path("d.qcow2")) == ["qemu-img", "check", "--output=json", "-f", "qcow2", "d.qcow2"]
    assert overlay_argv(Path("b.qcow2"), Path("w/o.qcow2"), 10)[-6:] == [
        "-b", "b.qcow2", "-F", "qcow2", "w/o.qcow2", "10",
    ]  # fmt: skip
