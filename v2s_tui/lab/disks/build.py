"""Raw disks from disk specifications: each content kind is one function in `CONTENT_KINDS`.

A finished disk has a manifest beside it (`<raw>.manifest.json`) with its file systems and the SHA-256 of
every file, and is used again as long as its specification stays the same. A new kind of guest is a new entry.
"""

import functools
import hashlib
import json
import os
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from v2s_tui.lab.disks import file_systems, guest_files
from v2s_tui.lab.disks.guest_files import Tree
from v2s_tui.lab.disks.partitions import (
    GPT_ESP,
    GPT_LINUX,
    GPT_MSR,
    GPT_WINDOWS_DATA,
    MBR_LINUX,
    MBR_NTFS,
    MIB,
    Partition,
    write_gpt,
    write_mbr,
)
from v2s_tui.lab.guests.shapes import SHAPES
from v2s_tui.lab.scenarios.model import BOOTABLE, DiskSpec

GENERATOR_VERSION = 4  # raise it when a content kind changes, so that old lab folders are made anew
ESP_BYTES = 64 * MIB
_NAMESPACE = uuid.UUID("6f1d3f0e-6f2c-4a55-9d0f-2c1e0a7b9a11")


@dataclass(slots=True)
class DiskDraft:
    """A disk being built: the sparse file at `path`, and what has been put on it so far."""

    spec: DiskSpec
    path: Path
    volumes: list[dict[str, Any]] = field(default_factory=list)

    def identity(self, purpose: str) -> uuid.UUID:
        """An id that depends on the disk's seed and the purpose only."""
        return uuid.uuid5(_NAMESPACE, f"{self.spec.seed}:{purpose}")

    def payload_bytes(self, default: int) -> int:
        """How much payload the guest's files shall take."""
        return default if self.spec.payload_bytes is None else self.spec.payload_bytes

    def record(self, partition: Partition, file_system: str, volume_id: str, tree: Tree) -> None:
        """Note a finished file system and its files for the manifest."""
        files = {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
            for name, content in tree.items()
        }
        self.volumes.append(
            {
                "file_system": file_system,
                "volume_id": volume_id,
                "start_bytes": partition.start_bytes,
                "size_bytes": partition.size_bytes,
                "files": files,
            }
        )


class DiskError(RuntimeError):
    """A disk of the scenario cannot be made; the message names it and the tool's words."""


ContentKind = Callable[[DiskDraft], None]
_locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


def ensure_disk(spec: DiskSpec) -> Path:
    """Return the raw file of the disk, built first where it is missing or of another specification.

    Raises DiskError.
    """
    with _locks[spec.raw_path]:
        if not _is_current(spec):
            _build(spec)
    return spec.raw_path


def ensure_disks(specs: Iterable[DiskSpec], *, workers: int = 2) -> None:
    """Build every disk that is missing, a few at a time: most of the work is in child processes."""
    missing = [spec for spec in specs if not _is_current(spec)]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(ensure_disk, missing))


def manifest_path(raw_path: Path) -> Path:
    """Where the list of known files of a disk lies."""
    return raw_path.with_name(f"{raw_path.name}.manifest.json")


def _fingerprint(spec: DiskSpec) -> str:
    parts = (GENERATOR_VERSION, spec.content, spec.size_bytes, spec.seed, spec.payload_bytes)
    return ":".join(str(part) for part in parts)


def _is_current(spec: DiskSpec) -> bool:
    manifest = manifest_path(spec.raw_path)
    if not (spec.raw_path.exists() and manifest.exists()):
        return False
    return bool(json.loads(manifest.read_text())["fingerprint"] == _fingerprint(spec))


def _build(spec: DiskSpec) -> None:
    """Build beside the final name: a lab killed half-way leaves nothing that looks finished."""
    spec.raw_path.parent.mkdir(parents=True, exist_ok=True)
    draft = DiskDraft(spec, spec.raw_path.with_name(f"{spec.raw_path.name}.part"))
    with draft.path.open("wb") as file:
        file.truncate(spec.size_bytes)
    try:
        CONTENT_KINDS[spec.content](draft)
    except (OSError, RuntimeError, ValueError) as err:
        draft.path.unlink(missing_ok=True)
        raise DiskError(f"{spec.raw_path.name} ({spec.content}) cannot be made: {err}") from err
    except BaseException:
        draft.path.unlink(missing_ok=True)
        raise
    manifest = {
        "fingerprint": _fingerprint(spec),
        "content": spec.content,
        "size_bytes": spec.size_bytes,
        "volumes": draft.volumes,
    }
    os.replace(draft.path, spec.raw_path)
    manifest_path(spec.raw_path).write_text(json.dumps(manifest, indent=1))


def _rest(draft: DiskDraft, start_bytes: int, **kind: Any) -> Partition:
    """A partition up to the last MiB of the disk, which a GPT needs for its backup."""
    return Partition(start_bytes, draft.spec.size_bytes // MIB * MIB - MIB - start_bytes, **kind)


def _label_mbr(draft: DiskDraft, partition: Partition) -> None:
    with draft.path.open("r+b") as disk:
        write_mbr(disk, [partition], disk_id=draft.identity("mbr").int & 0xFFFFFFFF)


def _label_gpt(draft: DiskDraft, partitions: list[Partition]) -> None:
    with draft.path.open("r+b") as disk:
        write_gpt(disk, partitions, disk_bytes=draft.spec.size_bytes, disk_id=draft.identity("gpt"))


def _linux_root(draft: DiskDraft, partition: Partition, *, esp_id: str | None) -> None:
    root_id = draft.identity("root")
    tree = guest_files.linux_tree(
        host_name=draft.spec.seed.split("/")[0],
        root_uuid=str(root_id),
        esp_uuid=esp_id,
        seed=draft.spec.seed,
        payload_bytes=draft.payload_bytes(16 * MIB),
    )
    file_systems.write_ext4(draft.path, partition, tree, volume_id=root_id, label="root")
    draft.record(partition, "ext4", str(root_id), tree)


def _windows_root(draft: DiskDraft, partition: Partition) -> None:
    tree = guest_files.windows_tree(
        host_name=draft.spec.seed.split("/")[0],
        seed=draft.spec.seed,
        payload_bytes=draft.payload_bytes(20 * MIB),
    )
    file_systems.write_ntfs(draft.path, partition, tree, label="Windows")
    draft.record(partition, "ntfs", "", tree)


def _esp(draft: DiskDraft, partition: Partition, tree: Tree) -> str:
    """Make the EFI system partition; its volume id as Linux writes it, `ABCD-1234`."""
    serial = draft.identity("esp").int & 0xFFFFFFFF
    file_systems.write_fat32(draft.path, partition, tree, serial=serial)
    volume_id = f"{serial >> 16:04X}-{serial & 0xFFFF:04X}"
    draft.record(partition, "vfat", volume_id, tree)
    return volume_id


def _linux_bios(draft: DiskDraft) -> None:
    root = _rest(draft, MIB, mbr_type=MBR_LINUX, bootable=True)
    _label_mbr(draft, root)
    _linux_root(draft, root, esp_id=None)


def _linux_uefi(draft: DiskDraft) -> None:
    esp = Partition(MIB, ESP_BYTES, gpt_type=GPT_ESP, name="EFI System Partition")
    root = _rest(draft, MIB + ESP_BYTES, gpt_type=GPT_LINUX, name="root")
    _label_gpt(draft, [esp, root])
    tree = guest_files.esp_tree(loader="EFI/debian/grubx64.efi", seed=draft.spec.seed)
    _linux_root(draft, root, esp_id=_esp(draft, esp, tree))


def _windows_bios(draft: DiskDraft) -> None:
    root = _rest(draft, MIB, mbr_type=MBR_NTFS, bootable=True)
    _label_mbr(draft, root)
    _windows_root(draft, root)


def _windows_uefi(draft: DiskDraft) -> None:
    esp = Partition(MIB, ESP_BYTES, gpt_type=GPT_ESP, name="EFI system partition")
    reserved = Partition(MIB + ESP_BYTES, 16 * MIB, gpt_type=GPT_MSR, name="Microsoft reserved partition")
    start = reserved.start_bytes + reserved.size_bytes
    root = _rest(draft, start, gpt_type=GPT_WINDOWS_DATA, name="Basic data partition")
    _label_gpt(draft, [esp, reserved, root])
    _esp(draft, esp, guest_files.windows_esp_tree(seed=draft.spec.seed))
    _windows_root(draft, root)


def _data_ext4(draft: DiskDraft) -> None:
    data = _rest(draft, MIB, gpt_type=GPT_LINUX, name="data")
    _label_gpt(draft, [data])
    volume_id = draft.identity("data")
    tree = guest_files.data_tree(seed=draft.spec.seed, payload_bytes=draft.payload_bytes(16 * MIB))
    file_systems.write_ext4(draft.path, data, tree, volume_id=volume_id, label="data")
    draft.record(data, "ext4", str(volume_id), tree)


def _random(draft: DiskDraft) -> None:
    """No file system: pieces of 1 KiB to 192 KiB at odd places, half of each compressible."""
    rng = random.Random(draft.spec.seed)
    left = draft.payload_bytes(2 * MIB)
    size_bytes = draft.spec.size_bytes
    places = [0, size_bytes - 4096]
    with draft.path.open("r+b") as disk:
        while left > 0:
            length = min(left, rng.randrange(1024, 192 * 1024), size_bytes)
            disk.seek(min(places.pop() if places else rng.randrange(size_bytes), size_bytes - length))
            disk.write(rng.randbytes(length // 2) + rng.randbytes(16) * (length // 32))
            left -= length


def _empty(_draft: DiskDraft) -> None:
    """Nothing was ever written: the stream holds no grain at all."""


def _bootable(draft: DiskDraft, *, shape: str) -> None:
    """A guest that really boots; its parts come from Debian packages, fetched once into a cache."""
    from v2s_tui.lab.guests.micro import build_micro_guest

    name = draft.spec.seed.split("/")[0]
    build_micro_guest(draft.path, variant=shape, virtual_size_bytes=draft.spec.size_bytes, name=name)


CONTENT_KINDS: dict[str, ContentKind] = {
    "linux-bios": _linux_bios,
    "linux-uefi": _linux_uefi,
    "windows-bios": _windows_bios,
    "windows-uefi": _windows_uefi,
    "data-ext4": _data_ext4,
    "random": _random,
    "empty": _empty,
    **{f"{BOOTABLE}{shape}": functools.partial(_bootable, shape=shape) for shape in SHAPES},
}
