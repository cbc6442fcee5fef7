"""What the account may do: the privileges v2s uses, asked before anything is started."""

from collections.abc import Iterable, Mapping
from typing import Any

from v2s_tui.adapters.vsphere.session import Session

NEEDED = (
    "System.Read",
    "VirtualMachine.State.CreateSnapshot",
    "VirtualMachine.State.RemoveSnapshot",
    "VirtualMachine.Interact.PowerOff",
    "VirtualMachine.Interact.PowerOn",
    "VApp.Export",
)
"""Snapshots, cold consistency and undo, and ExportVm/ExportSnapshot (vSphere API reference, by method)."""
_CHUNK_SIZE = 250


def missing_privileges(session: Session, vm_morefs: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """VM moref -> privileges that are lacking; VMs with all of them are left out. Raises SourceError."""
    morefs = list(vm_morefs)
    missing: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(morefs), _CHUNK_SIZE):
        for answer in _ask(session, morefs[start : start + _CHUNK_SIZE]):
            lacking = [item.privId for item in answer.privAvailability if not item.isGranted]
            if lacking:
                missing[str(answer.entity._moId)] = tuple(str(name) for name in lacking)
    return missing


def _ask(session: Session, morefs: list[str]) -> Iterable[Any]:
    entities = [session.managed("VirtualMachine", moref) for moref in morefs]
    manager = session.content.authorizationManager
    answers: Iterable[Any] = session.call(
        "Reading the account's privileges",
        lambda: manager.HasPrivilegeOnEntities(entity=entities, sessionId=session.key, privId=list(NEEDED)),
        repeatable=True,
    )
    return answers
