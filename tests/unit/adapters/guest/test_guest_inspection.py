"""What inspection reads from raw bytes, without a guest."""

import pytest

from v2s_tui.adapters.guest.inspection import kernel_release


def image(text: bytes, *, magic: bytes = b"HdrS") -> bytes:
    """The head of a bzImage whose version string lies at 0x3000."""
    head = bytearray(0x4000)
    head[0x202:0x206] = magic
    head[0x20E:0x210] = (0x3000 - 0x200).to_bytes(2, "little")
    head[0x3000 : 0x3000 + len(text)] = text
    return bytes(head)


def test_the_release_is_in_the_header() -> None:
    assert kernel_release(image(b"6.9.3-arch1-1 (linux@archlinux) #1 SMP\0")) == "6.9.3-arch1-1"


@pytest.mark.parametrize(
    "head", [b"", image(b"../../etc\0"), image(b"6.1\0", magic=b"\0\0\0\0"), image(b"\0")]
)
def test_anything_else_has_none(head: bytes) -> None:
    assert kernel_release(head) == ""
