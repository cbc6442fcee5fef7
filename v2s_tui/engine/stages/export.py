"""export: every disk over NFC into a local qcow2, two at a time, each with a lease of its own.

A single stream is slow at the ESXi host, so disks go in parallel; a lease for each disk, because all streams
of one lease die with it (reference: vsphere.md, NFC).
"""

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from v2s_tui.domain.errors import Cancelled, LeaseFailed
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import DiskStream, ExportLease, ReceivedDisk
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.local_files import same_size, what_is_wrong
from v2s_tui.engine.stages.naming import disk_part
from v2s_tui.engine.stages.progress_share import DiskProgress, SharedProgress
from v2s_tui.engine.stages.source_vm import moving_disks, vm_now

PARALLEL_DISKS = 2
LOOK_SECONDS = 0.2


def export_disks(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: disks that an interrupted run finished are kept."""
    artifacts = _with_all_disks(stage, context.ports)
    shared = SharedProgress(context.progress, {each.index: each.capacity_bytes for each in artifacts.disks})
    todo = [each for each in artifacts.disks if not same_size(each.base)]
    for disk in artifacts.disks:
        if disk not in todo:
            shared.disks[disk.index].finish()
    for disk in todo:
        _intend_lease(stage, context, disk)
    try:
        return _read_all(stage, context, artifacts, [_Read(disk, shared.disks[disk.index]) for disk in todo])
    finally:
        _forget_leases(context)


@dataclass(slots=True)
class _Read:
    """One disk being read. lease: once it is open."""

    disk: DiskArtifacts
    progress: DiskProgress
    lease: list[ExportLease] = field(default_factory=list)


def _with_all_disks(stage: StageInput, ports: Ports) -> Artifacts:
    """An entry for each disk that moves, in boot order; what was recorded of a disk stays."""
    known = {each.device_key: each for each in stage.artifacts.disks}
    disks = tuple(
        replace(
            known.get(disk.key, DiskArtifacts(index, disk.key, disk.capacity_bytes)),
            index=index,
            capacity_bytes=disk.capacity_bytes,
        )
        for index, disk in enumerate(moving_disks(stage.planned, vm_now(stage.planned, ports)))
    )
    return replace(stage.artifacts, disks=disks)


def _intend_lease(stage: StageInput, context: StageContext, disk: DiskArtifacts) -> None:
    context.ledger.intend(
        EffectKind.NFC_LEASE,
        tag=f"{stage.artifacts.migration_id}:{disk_part(disk.index)}",
        where=context.ports.source.name,
        detail=stage.planned.vm.moref,
    )


def _forget_leases(context: StageContext) -> None:
    """Also those of a killed run: vCenter drops a lease with its session or after five silent minutes."""
    for effect in context.ledger.open_effects(EffectKind.NFC_LEASE):
        context.ledger.gone(effect)


def _read_all(
    stage: StageInput, context: StageContext, artifacts: Artifacts, reads: list[_Read]
) -> Artifacts:
    """Each disk is journalled as it is finished; the first failure stops the others."""
    halted = threading.Event()
    with ThreadPoolExecutor(PARALLEL_DISKS, thread_name_prefix="export") as pool:
        running = {pool.submit(_receive, stage, context.ports, each, halted): each for each in reads}
        total, failures = len(running), list[BaseException]()
        try:
            while running:
                done, _ = wait(running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    artifacts = _finish(context, artifacts, running.pop(future), future, failures)
                if failures or context.cancelled.is_set():
                    halted.set()
                _tell(context, total, list(running.values()))
        finally:
            halted.set()
    if failures:
        raise next((each for each in failures if not isinstance(each, Cancelled)), failures[0])
    return artifacts


def _finish(
    context: StageContext,
    artifacts: Artifacts,
    read: _Read,
    future: Future[ReceivedDisk],
    failures: list[BaseException],
) -> Artifacts:
    if error := future.exception():
        failures.append(error)
        return artifacts
    received = future.result()
    read.progress.finish()
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
        )
    )
    context.checkpoint(artifacts)
    return artifacts


def _tell(context: StageContext, total: int, running: list[_Read]) -> None:
    """Progress for the screen and for vCenter's task list."""
    context.progress.activity = f"{total - len(running)} of {total} disks read"
    for read in running:
        for lease in read.lease:
            lease.report_progress(int(100 * (read.progress.fraction or 0)))


def _receive(stage: StageInput, ports: Ports, read: _Read, halted: threading.Event) -> ReceivedDisk:
    """Runs in a thread of its own. Leaving the lease without complete() aborts it."""
    if halted.is_set():
        raise Cancelled("another disk of this VM failed before this one began")
    target = stage.work_dir / f"{disk_part(read.disk.index)}.base.qcow2"
    with ports.source.open_lease(stage.planned.vm.moref, stage.artifacts.vmware_snapshot or None) as lease:
        stream = _stream_of(lease, read.disk)
        read.lease.append(lease)
        received = ports.disks.receive(stream, target, progress=read.progress, cancelled=halted)
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
    """Every disk's base is here with its size and digest."""
    del ports
    disks = stage.artifacts.disks
    missing = [
        text for disk in disks for text in what_is_wrong(disk.base, f"the base image of disk {disk.index}")
    ]
    if not disks:
        missing = ["no disk was recorded"]
    return StageEvidence(holds=not missing, missing=tuple(missing))
