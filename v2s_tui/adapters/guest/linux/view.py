"""A guest's file system as planners see it: read-only, bounded, by absolute guest paths."""

from typing import Protocol

MAX_TEXT_BYTES = 4 * 1024**2
"""Larger configuration files are treated as absent: no real one comes near, a hostile one may."""


class GuestView(Protocol):
    """Read access to the mounted guest. Links are followed inside the guest only."""

    def read_bytes(self, path: str, *, limit_bytes: int = MAX_TEXT_BYTES) -> bytes | None:
        """Content of a regular file; None when there is none or it is larger than the limit."""
        ...

    def read_text(self, path: str) -> str | None:
        """The same as text; bytes that are no UTF-8 survive a round trip (surrogateescape)."""
        ...

    def is_file(self, path: str) -> bool: ...

    def is_folder(self, path: str) -> bool: ...

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Paths that match, sorted; `*` does not cross slashes. At most a few thousand."""
        ...

    def link_target(self, path: str) -> str | None:
        """Where a symbolic link points, as it is written; None when the path is no link."""
        ...
