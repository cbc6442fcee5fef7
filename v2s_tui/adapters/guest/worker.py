"""The process that talks to libguestfs: one appliance, one guest, requests as JSON lines.

Started by session.py with the distribution's own Python (python3-guestfs is built for that one only), so this
file uses the standard library and guestfs and nothing of v2s. It decides nothing: planners are elsewhere. A
request is {"verb": ..., "arguments": {...}}, the answer {"value": ...} or {"error": ...}. Every path is
inside the appliance's view of the guest; links are followed there and nowhere else.
"""

import base64
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import guestfs  # type: ignore[import-not-found,unused-ignore]

_MESSAGE_BYTES = 1 << 20
_MAX_NAMES = 5000
_STATE_FOLDER = "/var/lib/v2s"
_SAVED = _STATE_FOLDER + "/original"
_MANIFEST = _STATE_FOLDER + "/manifest.json"


class Worker:
    """Verbs by name; each takes plain values and returns plain values."""

    def __init__(self) -> None:
        self.guest = guestfs.GuestFS(python_return_dict=True)

    def launch(self, disks: list[dict[str, Any]], memory_mib: int) -> dict[str, Any]:
        """Start the appliance, without network, on these disks in this order."""
        self.guest.set_network(False)
        self.guest.set_memsize(memory_mib)
        for disk in disks:
            self._add(disk)
        self.guest.launch()
        return {"version": self.guest.version()}

    def _add(self, disk: dict[str, Any]) -> None:
        """Discards reach the image of a disk that may be written to: what a trim frees is not uploaded."""
        discard = {} if disk["readonly"] else {"discard": "besteffort"}
        self.guest.add_drive_opts(disk["path"], format=disk["format"], readonly=disk["readonly"], **discard)

    def survey(self) -> dict[str, Any]:
        """Every file system, swap area and container, and which storage layers there are.

        blkid on each device is forty times quicker than the library's own list, which tries to mount.
        """
        partitions = self.guest.list_partitions()
        whole = [
            disk
            for disk in self.guest.list_devices()
            if not any(each.startswith(disk) for each in partitions)
        ]
        lvm, arrays = list(self.guest.lvs()), list(self.guest.list_md_devices())
        found = [self._content(device) for device in (*partitions, *whole, *lvm, *arrays)]
        return {"filesystems": [each for each in found if each], "volumes": lvm, "arrays": arrays}

    def _content(self, device: str) -> dict[str, Any] | None:
        tags = self._try(self.guest.blkid, device) or {}
        if "TYPE" not in tags:
            return None
        match = re.fullmatch(r"(/dev/[hsv]d[a-z]+)(\d+)", device)
        return {
            "device": device,
            "kind": tags["TYPE"],
            "uuid": tags.get("UUID", ""),
            "label": tags.get("LABEL", ""),
            "disk_index": self.guest.device_index(match[1]) if match else -1,
            "partition": int(match[2]) if match else 0,
        }

    def _try(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """None where the appliance says that there is no such thing."""
        try:
            return call(*arguments)
        except RuntimeError:
            return None

    def mount(self, device: str, mountpoint: str, readonly: bool, subvolume: str) -> None:
        """subvolume: path from the top level of a btrfs; "" for its default, or for any other file system.

        A mountpoint that is ours is made.
        """
        if mountpoint.startswith(_STATE_FOLDER + "/"):
            self._make_folder(mountpoint)
        options = ["ro"] if readonly else []
        options += ["subvol=" + subvolume] if subvolume else []
        self.guest.mount_options(",".join(options), device, mountpoint)

    def umount_all(self) -> None:
        self.guest.umount_all()

    def subvolumes(self) -> dict[str, Any]:
        """Subvolumes of the btrfs that is mounted at /, and the path of its default one ("" the top
        level).
        """
        default = self._try(self.guest.btrfs_subvolume_get_default, "/")
        found = self._try(self.guest.btrfs_subvolume_list, "/") or []
        paths = {each["btrfssubvolume_id"]: each["btrfssubvolume_path"] for each in found}
        return {"paths": sorted(paths.values()), "default": paths.get(default, "")}

    def status(self, path: str, follow: bool) -> dict[str, Any] | None:
        call = self.guest.statns if follow else self.guest.lstatns
        found = self._try(call, path)
        if found is None:
            return None
        return {"mode": found["st_mode"], "size": found["st_size"]}

    def read(self, path: str, limit_bytes: int) -> str | None:
        """Content of a regular file in base64; None when there is none or it is larger."""
        status = self.status(path, follow=True)
        if status is None or not stat.S_ISREG(status["mode"]) or status["size"] > limit_bytes:
            return None
        pieces = [
            self.guest.pread(path, min(_MESSAGE_BYTES, status["size"] - offset), offset)
            for offset in range(0, status["size"], _MESSAGE_BYTES)
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

    def free_bytes(self, path: str) -> int:
        values = self.guest.statvfs(path)
        return int(values["bavail"]) * int(values["frsize"] or values["bsize"])

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
            for offset in range(0, len(content), _MESSAGE_BYTES):
                self.guest.write_append(path, content[offset : offset + _MESSAGE_BYTES])
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

    def _fingerprint(self, path: str) -> dict[str, Any]:
        status = self.status(path, follow=False)
        if status is None:
            return {"existed": False, "size": 0, "sha256": ""}
        regular = stat.S_ISREG(status["mode"])
        digest = self.guest.checksum("sha256", path) if regular else ""
        return {"existed": True, "size": status["size"] if regular else 0, "sha256": digest}

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

    def label(self, path: str) -> str:
        """SELinux label of a file, link or folder; "" when it has none."""
        found = self._try(self.guest.lgetxattr, path, "security.selinux")
        return (found or b"").rstrip(b"\0").decode("ascii", "replace")

    def _is_regular(self, path: str) -> bool:
        status = self.status(path, follow=False)
        return status is not None and stat.S_ISREG(status["mode"])

    def _remember(self, records: list[dict[str, Any]]) -> None:
        self._make_folder(_STATE_FOLDER)
        self.guest.chmod(0o700, _STATE_FOLDER)
        old = self.read(_MANIFEST, _MESSAGE_BYTES)
        history = json.loads(base64.b64decode(old)) if old else []
        history.append(records)
        self._write(_MANIFEST, (json.dumps(history, indent=1) + "\n").encode(), 0o600)

    def real_case(self, path: str) -> str | None:
        """The path as it is written on a file system that ignores case; None when there is none."""
        found: str | None = self._try(self.guest.case_sensitive_path, path)
        return found

    def hive_read(self, path: str, keys: list[str]) -> list[dict[str, Any] | None]:
        """For each key: its values as [type, base64] and its subkeys' names; None when it is missing."""
        self.guest.hivex_open(path)
        try:
            return [self._key(key) for key in keys]
        finally:
            self.guest.hivex_close()

    def _node(self, key: str) -> int:
        """A key's node; 0 when it is missing."""
        node: int = self.guest.hivex_root()
        for name in key.split("\\"):
            node = self.guest.hivex_node_get_child(node, name)
            if not node:
                return 0
        return node

    def _key(self, key: str) -> dict[str, Any] | None:
        node = self._node(key)
        if not node:
            return None
        values = {}
        for value in self.guest.hivex_node_values(node):
            handle = value["hivex_value_h"]
            data = self.guest.hivex_value_value(handle)
            kind = self.guest.hivex_value_type(handle)
            values[self.guest.hivex_value_key(handle)] = [kind, base64.b64encode(data).decode()]
        children = [
            self.guest.hivex_node_name(each["hivex_node_h"]) for each in self.guest.hivex_node_children(node)
        ]
        return {"values": values, "keys": children}

    def hive_edit(self, path: str, edits: list[dict[str, Any]], reason: str) -> list[dict[str, Any]]:
        """Set values, making keys; the hive is saved first and written only when a value differs."""
        before = self._fingerprint(path)
        self.guest.hivex_open(path, write=True)
        try:
            changed = [self._set(edit["key"], value) for edit in edits for value in edit["values"]]
            if not any(changed):
                return []
            saved = self._save(path)
            self.guest.hivex_commit(None)
        finally:
            self.guest.hivex_close()
        record = self._record("write", path, reason, before, saved)
        self._remember([record])
        self.guest.sync()
        return [record]

    def _set(self, key: str, value: dict[str, Any]) -> bool:
        data = base64.b64decode(value["data"])
        present = self._key(key)
        old = (present or {"values": {}})["values"].get(value["name"])
        if old == [value["kind"], value["data"]]:
            return False
        node: int = self.guest.hivex_root()
        for name in key.split("\\"):
            node = self.guest.hivex_node_get_child(node, name) or self.guest.hivex_node_add_child(node, name)
        self.guest.hivex_node_set_value(node, value["name"], value["kind"], data)
        return True

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

    def finish(self) -> None:
        """Unmount and stop the appliance; raises when anything could not be written.

        Blocks of deleted files are given back before: a trim takes a second at most and saves their upload.
        File systems that cannot be trimmed stay as they are.
        """
        for mountpoint in self.guest.mountpoints().values():
            self._try(self.guest.fstrim, mountpoint)
        self.guest.umount_all()
        self.guest.shutdown()
        self.guest.close()


def main() -> int:
    """Answer requests until the input ends. Anything that prints by accident goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            verb = request["verb"]
            if verb.startswith("_") or not hasattr(Worker, verb):
                raise RuntimeError("unknown verb " + verb)
            answer = {"value": getattr(worker, verb)(**request["arguments"])}
        except (RuntimeError, OSError, KeyError, TypeError, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
