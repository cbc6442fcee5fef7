"""Verbs of the appliance as a whole, and the loop that answers requests.

A request is {"verb": ..., "arguments": {...}}, the answer {"value": ...} or {"error": ...}.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[4]))

from v2s_tui.adapters.guest.worker.changing import STATE_FOLDER
from v2s_tui.adapters.guest.worker.hives import Hives


class Worker(Hives):
    """All verbs."""

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
        match = re.fullmatch(r"(/dev/[hsv]d[a-z]+)(\d*)", device)
        return {
            "device": device,
            "kind": tags["TYPE"],
            "uuid": tags.get("UUID", ""),
            "label": tags.get("LABEL", ""),
            "disk_index": self.guest.device_index(match[1]) if match else -1,
            "partition": int(match[2] or 0) if match else 0,
            "array": self._array(device),
        }

    def _array(self, device: str) -> dict[str, str] | None:
        """What mdadm says of an array; None for anything else."""
        found = self._try(self.guest.md_detail, device) if device.startswith("/dev/md") else None
        return {key: found.get(key, "") for key in ("uuid", "level", "name")} if found else None

    def mount(self, device: str, mountpoint: str, readonly: bool, subvolume: str) -> None:
        """subvolume: path from the top level of a btrfs; "" for its default, or for any other file system.

        A mountpoint that is ours is made.
        """
        if mountpoint.startswith(STATE_FOLDER + "/"):
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

    def run(self, arguments: list[str]) -> str:
        """Run a program of the guest in the appliance, which has no network; what it printed."""
        printed: str = self.guest.command(arguments)
        return printed

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
