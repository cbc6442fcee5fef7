"""export: every disk over NFC into a local qcow2, two at a time, each with a lease of its own.

A single stream is slow at the ESXi host, so disks go in parallel; a lease for each disk, because all streams
of one lease die with it (reference: vsphere.md, NFC). Where it pays full parts of a disk are uploaded while
its rest arrives; that helps only, upload_s3 sends whatever is missing or another. Only a disk that nothing
reads here any more is not kept: its parts leave as they arrive at Object Storage.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from v2s_tui.domain.errors import Cancelled, LeaseFailed
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.execution.part_size import part_bytes_for
from v2s_tui.domain.execution.transfer import TRANSFER_NOTE, TransferChoice, needs_local_copy
from v2s_tui.domain.ports import DiskStream, EarlyUpload, ExportLease, ReceivedDisk
from v2s_tui.domain.units import MIB
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.local_files import what_is_wrong
from v2s_tui.engine.stages.multipart import (
    EarlyTarget,
    early_targets,
    held_parts,
    stored_object,
    unrecorded_object,
)
from v2s_tui.engine.stages.naming import disk_part, names_of
from v2s_tui.engine.stages.progress_share import DiskProgress, SharedProgress
from v2s_tui.engine.stages.source_vm import vm_now
from v2s_tui.engine.stages.transfer import note_received, note_sent, transfer_of

PARALLEL_DISKS = 2
LOOK_SECONDS = 0.2


def export_disks(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: disks that an interrupted run finished are kept."""
    way = stage.transfer or transfer_of(stage)
    artifacts = _with_all_disks(stage, context.ports).with_note(TRANSFER_NOTE, way.text)
    shared = SharedProgress(context.progress, {each.index: each.capacity_bytes for each in artifacts.disks})
    artifacts, todo = _begun_anew(stage, context, artifacts, way)
    for disk in artifacts.disks:
        if disk not in todo:
            shared.disks[disk.index].finish()
    targets, waits = early_targets(stage, context, todo)
    if waits:
        artifacts = artifacts.with_note("early upload", f"not begun: {waits}")
    reads = [
        _Read(disk, shared.disks[disk.index], targets[disk.index], _intend_lease(stage, context, disk))
        for disk in todo
    ]
    try:
        return _read_all(stage, context, artifacts, reads)
    finally:
        _forget_leases(context)


@dataclass(slots=True)
class _Read:
    """One disk being read. opened: to be told the id of its lease. lease: while it is open. early: where its
    parts go meanwhile, None when they wait. halted: ends the read. again: it is its second.
    """

    disk: DiskArtifacts
    progress: DiskProgress
    target: EarlyTarget
    opened: Callable[[str], object]
    lease: list[ExportLease] = field(default_factory=list)
    early: EarlyUpload | None = None
    halted: threading.Event = field(default_factory=threading.Event)
    again: bool = False

    def once_more(self) -> None:
        """Forget the first read."""
        self.again, self.early, self.halted = True, None, threading.Event()
        self.lease.clear()


def _with_all_disks(stage: StageInput, ports: Ports) -> Artifacts:
    """An entry for each disk that moves, in boot order. What was recorded of a disk stays, also where an edit
    of the plan gave it another number; but the parts of one that passed through wait under its first number.
    """
    disks = []
    for index, disk in enumerate(stage.planned.moving_disks(vm_now(stage.planned, ports))):
        known = next((each for each in stage.artifacts.disks if each.device_key == disk.key), None)
        if known is None or (known.passing and known.index != index):
            known = DiskArtifacts(index, disk.key, disk.capacity_bytes)
        disks.append(replace(known, index=index, capacity_bytes=disk.capacity_bytes))
    return replace(stage.artifacts, disks=tuple(disks))


def _begun_anew(
    stage: StageInput, context: StageContext, artifacts: Artifacts, way: TransferChoice
) -> tuple[Artifacts, list[DiskArtifacts]]:
    """Disks to be read, and the artifacts in which nothing of an earlier read of them is left.

    It is forgotten on record before a new read begins: a second read may lay the same clusters out in another
    order, so a part that was right for the first could pass for one of the second.
    """
    todo = []
    for disk in artifacts.disks:
        lost = disk.passing and _what_went_missing(stage, context.ports, disk)
        if not what_is_wrong(disk.base, "") and not lost:
            continue
        part_bytes = part_bytes_for(disk.capacity_bytes) if way.overlap else 0
        anew = replace(disk, base=None, part_bytes=part_bytes, early_parts=(), passing=way.passing)
        todo.append(replace(anew, upload_id="", object_bytes=0))
    changed = [disk for disk in todo if disk not in artifacts.disks]
    for disk in changed:
        artifacts = artifacts.with_disk(disk)
    if changed:
        context.checkpoint(artifacts)
    return artifacts, todo


def _intend_lease(stage: StageInput, context: StageContext, disk: DiskArtifacts) -> Callable[[str], object]:
    """Record that a lease will be opened; the result records which, so that a later run can end it."""
    effect = context.ledger.intend(
        EffectKind.NFC_LEASE,
        tag=f"{stage.artifacts.migration_id}:{disk_part(disk.index)}",
        where=context.ports.source.name,
        detail=context.ports.source.lease_holder,
    )
    return partial(context.ledger.made, effect)


def _forget_leases(context: StageContext) -> None:
    """Each was completed or aborted when its context was left."""
    for effect in context.ledger.open_effects(EffectKind.NFC_LEASE):
        context.ledger.gone(effect)


def _read_all(
    stage: StageInput, context: StageContext, artifacts: Artifacts, reads: list[_Read]
) -> Artifacts:
    """Each disk is journalled as it is finished; the first failure stops the others, but a stream that broke
    while others run is read once more first: hours may have gone into those.
    """
    with ThreadPoolExecutor(PARALLEL_DISKS, thread_name_prefix="export") as pool:

        def begin(read: _Read) -> Future[ReceivedDisk]:
            return pool.submit(_receive, stage, context.ports, read)

        running = {begin(each): each for each in reads}
        failures = list[BaseException]()
        try:
            while running:
                done, _ = wait(running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    read, error = running.pop(future), future.exception()
                    others_run = not all(each.done() for each in running)
                    if isinstance(error, LeaseFailed) and others_run and not (read.again or failures):
                        artifacts = artifacts.with_note(
                            f"export of disk {read.disk.index}", f"read again: {error.title}"
                        )
                        read.once_more()
                        running[begin(read)] = read
                    else:
                        artifacts = _finish(stage, context, artifacts, read, future, failures=failures)
                failures += _stuck(running.values())
                _halt(running.values(), everything=bool(failures) or context.cancelled.is_set())
                _tell(context, reads, list(running.values()))
        finally:
            _halt(reads, everything=True)
    if failures:
        raise next((each for each in failures if not isinstance(each, Cancelled)), failures[0])
    return artifacts


def _halt(reads: Iterable[_Read], *, everything: bool) -> None:
    """End reads that shall not go on, and those whose lease has failed while the stream still stands."""
    for read in reads:
        if everything or any(lease.failure for lease in list(read.lease)):
            read.halted.set()


def _stuck(reads: Iterable[_Read]) -> list[BaseException]:
    """What keeps disks without room here from being read on: their parts do not leave any more."""
    found = [read.early.failure for read in reads if read.disk.passing and read.early]
    return [each for each in found if each is not None and not isinstance(each, Cancelled)]


def _finish(
    stage: StageInput,
    context: StageContext,
    artifacts: Artifacts,
    read: _Read,
    future: Future[ReceivedDisk],
    *,
    failures: list[BaseException],
) -> Artifacts:
    if error := future.exception():
        failures.append(error)
        return artifacts
    received, early = future.result(), read.early
    read.progress.finish()
    if early is not None:
        read.progress.sent_bytes = early.sent_bytes
        note_sent(stage, size_bytes=early.sent_bytes, seconds=early.sending_seconds)
        artifacts = _with_trouble(artifacts, read.disk, early)
    artifacts = artifacts.with_disk(
        replace(
            read.disk,
            base=received.base,
            overlay=None,
            upload_file=None,
            object_bytes=0,
            received_bytes=received.received_bytes,
            stream_sha1=received.stream_sha1,
            virtual_size_bytes=received.virtual_size_bytes,
            manifest_path=received.manifest_path,
            early_parts=early.sent if early is not None else (),
        )
    )
    context.checkpoint(artifacts)
    return artifacts


def _with_trouble(artifacts: Artifacts, disk: DiskArtifacts, early: EarlyUpload) -> Artifacts:
    """Trouble of sending early is noted only: upload_s3 sends what is missing, and what did not arrive there
    is in the file still, also where parts that did are not.
    """
    if early.failure is None or isinstance(early.failure, Cancelled):
        return artifacts
    return artifacts.with_note(f"early upload of disk {disk.index}", f"ended: {early.failure.title}")


def _tell(context: StageContext, reads: list[_Read], running: list[_Read]) -> None:
    """Progress for the screen and for vCenter's task list."""
    total, done = len(reads), len(reads) - len(running)
    context.progress.activity = f"{done} of {total} disks read"
    if early := [read for read in reads if read.early is not None]:
        for read in early:
            read.progress.sent_bytes = read.early.sent_bytes if read.early else 0
        sent_bytes = sum(read.progress.sent_bytes for read in early)
        context.progress.activity = f"disk {min(done + 1, total)} of {total}, {sent_bytes // MIB} MiB sent"
    for read in running:
        for lease in read.lease:
            lease.report_progress(int(100 * (read.progress.fraction or 0)))


def _receive(stage: StageInput, ports: Ports, read: _Read) -> ReceivedDisk:
    """Runs in a thread of its own. Leaving the lease without complete() aborts it; it is left before the
    last parts under way are waited for.
    """
    if read.halted.is_set():
        raise Cancelled("another disk of this VM failed before this one began")
    # Named after the device: another disk may have had this number before the plan was edited.
    target = stage.work_dir / f"device-{read.disk.device_key}.base.qcow2"
    snapshot = stage.artifacts.vmware_snapshot or None
    with (
        read.target.sink(ports.objects, read.halted) as read.early,
        ports.source.open_lease(stage.planned.vm.moref, snapshot) as lease,
    ):
        read.opened(lease.id)
        stream = _stream_of(lease, read.disk)
        read.lease.append(lease)
        began = time.monotonic()
        try:
            received = ports.disks.receive(
                stream, target, progress=read.progress, cancelled=read.halted, parts=read.early
            )
        except Cancelled:
            if lease.failure is not None:
                raise lease.failure from None
            raise
        if not read.disk.passing:  # such a disk comes no faster than it goes
            note_received(stage, size_bytes=received.received_bytes, seconds=time.monotonic() - began)
        read.lease.clear()
        _compare_digest(lease, read.disk, received, target)
        lease.complete()
    return received


def _stream_of(lease: ExportLease, disk: DiskArtifacts) -> DiskStream:
    for stream in lease.disks:
        if stream.device_key == disk.device_key:
            return stream
    raise LeaseFailed(
        f"the NFC lease offers no stream for disk {disk.index} (device {disk.device_key})",
        hint="independent disks and RDMs are not part of a snapshot; skip the disk or change its mode",
    )


def _compare_digest(lease: ExportLease, disk: DiskArtifacts, received: ReceivedDisk, target: Path) -> None:
    """What we read against what the host says it sent, where it says so."""
    algorithm, digest = lease.stream_digests().get(disk.device_key, ("", ""))
    if algorithm == "sha1" and digest.lower() != received.stream_sha1:
        target.unlink(missing_ok=True)
        raise LeaseFailed(
            f"disk {disk.index} arrived damaged: SHA-1 {received.stream_sha1}, the host sent {digest}",
            hint="the disk is read again; look for a faulty network path if it returns",
        )


def export_holds(stage: StageInput, ports: Ports) -> StageEvidence:
    """Every disk's base is here with its size and digest, or where it was not kept, at Object Storage; and
    the disks are those that the plan entry names now.
    """
    disks = stage.artifacts.disks
    missing = ["the plan moves other disks now"] if _others_move(stage) else []
    missing += [
        text for disk in disks for text in what_is_wrong(disk.base, f"the base image of disk {disk.index}")
    ]
    missing += [text for disk in disks if disk.passing for text in _what_went_missing(stage, ports, disk)]
    if not disks:
        missing = ["no disk was recorded"]
    return StageEvidence(holds=not missing, missing=tuple(missing))


def _others_move(stage: StageInput) -> bool:
    """True when an edit of the plan skips a disk that was read, or wants one that was skipped."""
    read = {disk.device_key for disk in stage.artifacts.disks}
    skipped = stage.planned.skipped_disks
    wanted = {disk.key for disk in stage.planned.vm.disks} - skipped
    return bool(read & skipped or wanted - read)


def _what_went_missing(stage: StageInput, ports: Ports, disk: DiskArtifacts) -> tuple[str, ...]:
    """Of a disk that passed through: its parts must still wait there, or be an object already; and nothing
    must be asked of it here that was not when it passed (the plan entry may have been edited).
    """
    if needs_local_copy(stage.planned):
        return (f"disk {disk.index} was not kept here, and its guest is to be opened now",)
    if disk.object_bytes:
        return () if stored_object(ports, disk) else (f"the object of disk {disk.index} is gone",)
    if unrecorded_object(ports.objects, disk):
        return ()
    held = held_parts(ports.objects, stage.settings.bucket, names_of(stage).object_key(disk.index))
    lost = [part.number for part in disk.early_parts if held.get(part.number) != part.etag]
    return (f"{len(lost)} parts of disk {disk.index} are gone from Object Storage",) if lost else ()
