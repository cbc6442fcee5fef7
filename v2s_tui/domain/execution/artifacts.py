"""What a VM's migration has produced so far: plain data, written to the state, checked again on resume.

A stage reads the artifacts of earlier stages and returns a changed copy. "Done" is evidence that can be
checked again (a file of that size and digest, a resource of that id), not a flag.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class FileEvidence:
    """A local file and what proves that it is still the same.

    sha256: hex digest ("" when the stage did not hash it). tool: `qemu-img 7.2.22` or the like.
    """

    path: str
    size_bytes: int
    sha256: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part of a multipart upload as the server acknowledged it. crc32, crc32c: base64 as S3 sends it."""

    number: int
    size_bytes: int
    etag: str
    crc32c: str = ""
    crc32: str = ""


@dataclass(frozen=True, slots=True)
class DiskArtifacts:
    """One disk of the VM on its way. index: boot disk 0, then in the order of controller and unit.

    device_key: vSphere device key. capacity_bytes: at the source. received_bytes, stream_sha1: of the
    compressed NFC stream. base: the immutable qcow2 made from the stream. overlay: qcow2 on top of it that
    guest stages change (None until they start). manifest_path: per-cluster digests of the content, of what
    was sent once it was. upload_file: what goes to Object Storage, the base itself or a flattened copy.
    part_bytes: of the parts that went out while the disk was received (0: none did), early_parts: those that
    arrived. passing: they were freed from the base as they arrived, so only Object Storage has them.
    bucket, key, upload_id: where it goes; object_bytes: size of the finished object (0 until then).
    snapshot_id, volume_id: at Scaleway.
    """

    index: int
    device_key: int
    capacity_bytes: int
    received_bytes: int = 0
    stream_sha1: str = ""
    base: FileEvidence | None = None
    overlay: FileEvidence | None = None
    virtual_size_bytes: int = 0
    manifest_path: str = ""
    upload_file: FileEvidence | None = None
    part_bytes: int = 0
    early_parts: tuple[UploadedPart, ...] = ()
    passing: bool = False
    bucket: str = ""
    key: str = ""
    upload_id: str = ""
    object_bytes: int = 0
    object_etag: str = ""
    snapshot_id: str = ""
    volume_id: str = ""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Everything one VM's migration made. migration_id: unique, part of every name and tag made outside.

    vmware_snapshot: moref of our snapshot ("" none). stopped_source: True when v2s shut the source down.
    boot_level: evidence level the rehearsal reached, "" when none ran. notes: facts for the report.
    """

    migration_id: str
    disks: tuple[DiskArtifacts, ...] = ()
    vmware_snapshot: str = ""
    stopped_source: bool = False
    boot_level: str = ""
    guest_manifest: str = ""
    image_id: str = ""
    server_id: str = ""
    public_ip: str = ""
    private_nics: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    def with_disk(self, disk: DiskArtifacts) -> "Artifacts":
        """A copy in which the disk of that index is this one (added when it is new)."""
        others = [each for each in self.disks if each.index != disk.index]
        return replace(self, disks=tuple(sorted([*others, disk], key=lambda each: each.index)))

    def unread(self) -> "Artifacts":
        """A copy in which no disk has been read: the export reads all of them, from one moment."""
        return replace(self, disks=tuple(replace(disk, base=None) for disk in self.disks))

    def with_note(self, name: str, text: str) -> "Artifacts":
        """A copy with one note set."""
        return replace(self, notes={**self.notes, name: text})
