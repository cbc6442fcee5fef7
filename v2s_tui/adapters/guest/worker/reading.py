"""Verbs that read the guest's files."""

import base64
import stat
from collections.abc import Callable
from typing import Any

import guestfs  # type: ignore[import-not-found,unused-ignore]

MESSAGE_BYTES = 1 << 20
_MAX_NAMES = 5000


class Reading:
    """Each verb takes plain values and returns plain values."""

    def __init__(self) -> None:
        self.guest = guestfs.GuestFS(python_return_dict=True)

    def _try(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """None where the appliance says that there is no such thing."""
        try:
            return call(*arguments)
        except RuntimeError:
            return None

    def status(self, path: str, follow: bool) -> dict[str, Any] | None:
        call = self.guest.statns if follow else self.guest.lstatns
        found = self._try(call, path)
        if found is None:
            return None
        return {"mode": found["st_mode"], "size": found["st_size"]}

    def _is_regular(self, path: str) -> bool:
        status = self.status(path, follow=False)
        return status is not None and stat.S_ISREG(status["mode"])

    def read(self, path: str, limit_bytes: int) -> str | None:
        """Content of a regular file in base64; None when there is none or it is larger."""
        status = self.status(path, follow=True)
        if status is None or not stat.S_ISREG(status["mode"]) or status["size"] > limit_bytes:
            return None
        pieces = [
            self.guest.pread(path, min(MESSAGE_BYTES, status["size"] - offset), offset)
            for offset in range(0, status["size"], MESSAGE_BYTES)
        ]
        return base64.b64encode(b"".join(pieces)).decode()

    def head(self, path: str, length: int) -> str | None:
        """The first bytes of a regular file in base64."""
        status = self.status(path, follow=True)
        if status is None or not stat.S_ISREG(status["mode"]):
            return None
        return base64.b64encode(self.guest.pread(path, min(length, status["size"]), 0)).decode()

    def link_target(self, path: str) -> str | None:
        status = self.status(path, follow=False)
        if status is None or not stat.S_ISLNK(status["mode"]):
            return None
        target: str = self.guest.readlink(path)
        return target

    def glob(self, pattern: str) -> list[str]:
        return list(self.guest.glob_expand_opts(pattern, directoryslash=False))[:_MAX_NAMES]

    def download(self, path: str, target: str, limit_bytes: int) -> bool:
        """Copy a regular file to the host's scratch folder; False when there is none or it is larger."""
        status = self.status(path, follow=True)
        if status is None or not stat.S_ISREG(status["mode"]) or status["size"] > limit_bytes:
            return False
        self.guest.download(path, target)
        return True

    def checksum(self, path: str) -> str:
        """SHA-256 of a regular file, hex; "" when there is none."""
        digest: str = self._fingerprint(path)["sha256"]
        return digest

    def _fingerprint(self, path: str) -> dict[str, Any]:
        status = self.status(path, follow=False)
        if status is None:
            return {"existed": False, "size": 0, "sha256": ""}
        regular = stat.S_ISREG(status["mode"])
        digest = self.guest.checksum("sha256", path) if regular else ""
        return {"existed": True, "size": status["size"] if regular else 0, "sha256": digest}

    def free_bytes(self, path: str) -> int:
        values = self.guest.statvfs(path)
        return int(values["bavail"]) * int(values["frsize"] or values["bsize"])

    def real_case(self, path: str) -> str | None:
        """The path as it is written on a file system that ignores case; None when there is none."""
        found: str | None = self._try(self.guest.case_sensitive_path, path)
        return found

    def label(self, path: str) -> str:
        """SELinux label of a file, link or folder; "" when it has none."""
        found = self._try(self.guest.lgetxattr, path, "security.selinux")
        return (found or b"").rstrip(b"\0").decode("ascii", "replace")
