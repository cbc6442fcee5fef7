"""Verbs that change the guest's files, save what was there before, and take it back."""

import base64
import json
import os
import tempfile
from typing import Any

from v2s_tui.adapters.guest.worker.reading import MESSAGE_BYTES, Reading

STATE_FOLDER = "/var/lib/v2s"
_SAVED = STATE_FOLDER + "/original"
_MANIFEST = STATE_FOLDER + "/manifest.json"


class Changing(Reading):
    """Every change is recorded in the guest's own manifest."""

    def apply(self, changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make the changes in order, saving what was there; returns a record of each."""
        records = [self._apply(change) for change in changes]
        if records:
            self._remember(records)
        self.guest.sync()
        return records

    def _apply(self, change: dict[str, Any]) -> dict[str, Any]:
        kind, path = change["kind"], self._real(change["path"], change["kind"])
        before = self._fingerprint(path)
        saved = self._save(path) if before["existed"] and kind != "append" else ""
        content = base64.b64decode(change["content"])
        if kind == "write":
            self._write(path, content, change["mode"])
        elif kind == "append":
            for offset in range(0, len(content), MESSAGE_BYTES):
                self.guest.write_append(path, content[offset : offset + MESSAGE_BYTES])
        elif kind == "remove":
            self.guest.rm_f(path)
        elif kind == "link":
            self._make_folder(os.path.dirname(path))
            self.guest.rm_f(path)
            self.guest.ln_s(change["target"], path)
            self._inherit_label(path)
        else:
            raise RuntimeError("unknown change " + kind)
        return self._record(kind, path, change["reason"], before, saved)

    def replace(self, path: str, source: str, reason: str) -> dict[str, Any]:
        """Give a file the content of another one, which goes; owner, mode and labels stay."""
        path = self._real(path, "write")
        before = self._fingerprint(path)
        saved = self._save(path)
        self.guest.cp(source, path)
        self.guest.rm_f(source)
        record = self._record("rebuild", path, reason, before, saved)
        self._remember([record])
        self.guest.sync()
        return record

    def _record(
        self, kind: str, path: str, reason: str, before: dict[str, Any], saved: str
    ) -> dict[str, Any]:
        after = self._fingerprint(path)
        return {
            "kind": kind,
            "path": path,
            "reason": reason,
            "existed": before["existed"],
            "saved_as": saved,
            "size_before": before["size"],
            "size_after": after["size"],
            "sha256_before": before["sha256"],
            "sha256_after": after["sha256"],
        }

    def _real(self, path: str, kind: str) -> str:
        """A file that is reached through a link is edited where it lies; links themselves are replaced."""
        if kind in ("remove", "link") or self.link_target(path) is None:
            return path
        real: str | None = self._try(self.guest.realpath, path)
        return real or path

    def _save(self, path: str) -> str:
        """Keep the first version ever seen, with owner, mode, times and labels."""
        target = _SAVED + path
        if self.status(target, follow=False) is None:
            self._make_folder(os.path.dirname(target))
            self.guest.cp_a(path, target)
        return target

    def _write(self, path: str, content: bytes, mode: int) -> None:
        """Into the same inode where there is one, so that owner, mode and labels stay; a link that leads
        nowhere is replaced.
        """
        self._make_folder(os.path.dirname(path))
        new = not self._is_regular(path)
        if new:
            self.guest.rm_f(path)
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            self.guest.upload(file.name, path)
        if new:
            self.guest.chmod(mode, path)
            self._inherit_label(path)

    def _make_folder(self, path: str) -> None:
        """With the folders above it, each labelled as if it had been made while the guest ran."""
        if path in ("", "/") or self.guest.is_dir(path, followsymlinks=True):
            return
        self._make_folder(os.path.dirname(path))
        self.guest.mkdir_p(path)
        self._inherit_label(path)

    def _inherit_label(self, path: str) -> None:
        """SELinux: a new file has the type of its folder, as the kernel does where no rule says otherwise."""
        label = self.label(os.path.dirname(path))
        if label:
            self.guest.lsetxattr("security.selinux", label, len(label), path)

    def _remember(self, records: list[dict[str, Any]]) -> None:
        self._make_folder(STATE_FOLDER)
        self.guest.chmod(0o700, STATE_FOLDER)
        old = self.read(_MANIFEST, MESSAGE_BYTES)
        history = json.loads(base64.b64decode(old)) if old else []
        history.append(records)
        self._write(_MANIFEST, (json.dumps(history, indent=1) + "\n").encode(), 0o600)

    def undo(self, records: list[dict[str, Any]]) -> None:
        """Take the changes back in reverse order."""
        for record in reversed(records):
            path = record["path"]
            if record["kind"] == "append":
                self.guest.truncate_size(path, record["size_before"])
                continue
            if not record["existed"]:
                self.guest.rm_f(path)
                continue
            if not (self._is_regular(path) and self._is_regular(record["saved_as"])):
                self.guest.rm_f(path)
            self.guest.cp_a(record["saved_as"], path)
        self.guest.sync()
