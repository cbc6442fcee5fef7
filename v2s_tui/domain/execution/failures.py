"""Why a VM failed, in an operator's words: a catalogue of signatures with cause, fix and where to go on from.

An error that no signature knows keeps its own title and hint; an error that v2s never raises on purpose is a
bug and says so. Two failures with the same `signature` are equal for quarantine.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from v2s_tui.domain import errors
from v2s_tui.domain.planning.stages import Stage


class FailureKind(StrEnum):
    """Whose fault it is, roughly: decides whom the operator calls."""

    SOURCE = "source"
    DISK = "disk"
    GUEST = "guest"
    STORAGE = "storage"
    API = "api"
    QUOTA = "quota"
    NETWORK = "network"
    SPACE = "space"
    QUARANTINE = "quarantine"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of one VM. retry_from: the stage a retry may begin with (None: as far as evidence holds).

    signature: catalogue id, or the error class where the catalogue has none. detail: last lines of a tool, or
    the traceback of a bug, "" otherwise.
    """

    kind: FailureKind
    signature: str
    title: str
    cause: str
    fix: str
    retry_safe: bool = True
    transient: bool = False
    retry_from: Stage | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of the catalogue: matches when the error is of that class and the pattern is in its text."""

    id: str
    kind: FailureKind
    error: type[BaseException]
    pattern: str
    cause: str
    fix: str
    retry_from: Stage | None = None
    retry_safe: bool = True

    def matches(self, error: BaseException, text: str) -> bool:
        """True when this line explains the error."""
        return isinstance(error, self.error) and re.search(self.pattern, text, re.IGNORECASE) is not None


CATALOGUE: tuple[Signature, ...] = (
    # First: the text quotes the guest's console, which may hold the words that other lines look for.
    Signature(
        "boot-not-proven", FailureKind.GUEST, errors.BootNotProven, "",
        "The adapted guest does not boot here as it would at Scaleway; nothing was made there.",
        "Look at the console and the screen.", Stage.CONVERT,
    ),
    Signature(
        "login-refused", FailureKind.SOURCE, errors.LoginRefused, "",
        "vCenter refused the user name or password.",
        "Check the account in migration.yaml; is it locked or expired?",
    ),
    Signature(
        "session-expired", FailureKind.SOURCE, errors.SessionExpired, "",
        "The vCenter session ended while it was in use.",
        "Retry; if it returns, raise the idle time-out of the account's session.",
    ),
    Signature(
        "certificate", FailureKind.NETWORK, errors.OutsideError, r"certificate|thumbprint",
        "The server's certificate could not be verified.",
        "Give vmware.ca_file or vmware.thumbprint in migration.yaml.",
    ),
    Signature(
        "lease-timeout", FailureKind.SOURCE, errors.LeaseFailed, r"time.?out|timed out",
        "The ESXi host gave up the NFC lease because it saw no progress.",
        "Retry; check the network path to the host on ports 443 and 902.", Stage.EXPORT,
    ),
    Signature(
        "stream-cut", FailureKind.NETWORK, errors.LeaseFailed,
        r"cut|truncat|reset|closed|broken|incomplete|short",
        "The disk stream ended before its end.",
        "Retry; the disk starts again from its beginning.", Stage.EXPORT,
    ),
    Signature(
        "stream-damaged", FailureKind.NETWORK, errors.LeaseFailed, r"damaged",
        "What arrived of the disk contradicts itself, or the digest that the host made of it.",
        "Retry; if it fails at the same byte again look at the disk at its source, else at the network path.",
        Stage.EXPORT,
    ),
    Signature(
        "stream-stalled", FailureKind.NETWORK, errors.LeaseFailed, r"sent nothing|not answer any more",
        "The ESXi host stopped sending in the middle of the disk.",
        "Retry; look at the load of the host and its datastore, and at the network path.", Stage.EXPORT,
    ),
    Signature(
        "lease-failed", FailureKind.SOURCE, errors.LeaseFailed, "",
        "vCenter put the NFC lease into its error state.",
        "Look at the VM's recent tasks in vCenter; another export or backup may hold the disk.", Stage.EXPORT,
    ),
    Signature(
        "source-unreachable", FailureKind.NETWORK, errors.SourceUnreachable, "",
        "vCenter or the ESXi host did not answer.",
        "Check name resolution, routing and firewall (443, 902), then retry.",
    ),
    Signature(
        "snapshot-failed", FailureKind.SOURCE, errors.SourceError, r"snapshot|quiesc",
        "vCenter could not take or remove the snapshot.",
        "Check free space of the datastore, VMware Tools and old snapshots of this VM.", Stage.SNAPSHOT,
    ),
    Signature(
        "no-privilege", FailureKind.SOURCE, errors.SourceError, r"permission|privilege|not authori[sz]ed",
        "The vCenter account lacks a privilege.",
        "Run `v2s doctor`: it names the missing privileges.",
    ),
    Signature(
        "source", FailureKind.SOURCE, errors.SourceError, "",
        "vCenter or the ESXi host refused the request.",
        "Read the message; the VM's recent tasks in vCenter say more.",
    ),
    Signature(
        "work-disk-full", FailureKind.SPACE, errors.WorkDiskFull, "",
        "The work folder has not enough free space.",
        "Free space, or let fewer VMs run at once (limit `global`), then retry.",
    ),
    Signature(
        "no-space", FailureKind.SPACE, errors.ToolError, r"no space left|enospc",
        "A tool ran out of space.",
        "Free space in the work folder, then retry.",
    ),
    Signature(
        "host-full", FailureKind.SPACE, OSError, r"no space left|disk quota exceeded",
        "A file system of this host is full.",
        "Free space in the work folder, then retry.",
    ),
    Signature(
        "host-files", FailureKind.DISK, OSError,
        r"read-only file system|input/output error|permission denied",
        "A file of this host could not be read or written.",
        "Look at the disk and the owner of the work folder, then retry.",
    ),
    Signature(
        "guest-adaptation", FailureKind.GUEST, errors.ToolError,
        r"guestfs|fstab|grub|ntfs|hibernat|initramfs|dracut",
        "The guest's file systems could not be changed as needed.",
        "Read the tool's last lines; hibernated or encrypted guests must be prepared at the source.",
    ),
    Signature(
        "image-damaged", FailureKind.DISK, errors.ToolError, r"corrupt|damaged|leaked|invalid.*(qcow2|image)",
        "A local disk image is damaged.",
        "Retry from export; check the work folder's disk if it returns.", Stage.EXPORT,
    ),
    Signature(
        "tool", FailureKind.DISK, errors.ToolError, "",
        "A local tool ended with an error.",
        "Read its last lines below; the command can be pasted to repeat it.",
    ),
    Signature(
        "storage-unavailable", FailureKind.STORAGE, errors.StorageUnavailable, "",
        "Object Storage did not answer or throttled us.",
        "Retry; finished parts are not sent again.", Stage.UPLOAD_S3,
    ),
    Signature(
        "storage-denied", FailureKind.STORAGE, errors.StorageError, r"denied|forbidden|signature|403",
        "Object Storage refused the key.",
        "Check that the API key may write to the bucket and that its region is the bucket's.",
        Stage.UPLOAD_S3,
    ),
    Signature(
        "storage", FailureKind.STORAGE, errors.StorageError, "",
        "Object Storage refused the request.",
        "Read the message, then retry from the upload.", Stage.UPLOAD_S3,
    ),
    Signature(
        "quota", FailureKind.QUOTA, errors.QuotaExceeded, "",
        "A quota of the Scaleway project is used up.",
        "Ask Scaleway's support for more, or choose another type or zone, then retry.",
    ),
    Signature(
        "out-of-stock", FailureKind.QUOTA, errors.OutOfStock, "",
        "The zone has no machine of this type now.",
        "Retry later, or choose another type or zone in the plan entry.",
    ),
    Signature(
        "rate-limited", FailureKind.API, errors.RateLimited, "",
        "The Scaleway API answered 429 too long.",
        "Lower the limit `scw_api`, then retry.",
    ),
    Signature(
        "api-unavailable", FailureKind.API, errors.TargetUnavailable, "",
        "The Scaleway API did not answer or failed on its side.",
        "Retry; look at Scaleway's status page if it returns.",
    ),
    Signature(
        "import-refused", FailureKind.API, errors.ImportRefused, "",
        "Scaleway refused the disk image, or its import ended in error.",
        "Read the message; the object must be a self-contained qcow2 of at most 1 TB.", Stage.UPLOAD_S3,
        retry_safe=False,
    ),
    Signature(
        "verification", FailureKind.API, errors.VerificationFailed, "",
        "What stands at Scaleway is not what the plan says.",
        "Compare by hand before you retry: `v2s batch undo --vm` removes what was made.", retry_safe=False,
    ),
    Signature(
        "api", FailureKind.API, errors.TargetError, "",
        "The Scaleway API refused the request.",
        "Read the message; `v2s doctor` checks key, project and rights.",
    ),
)  # fmt: skip

MENDED_AT_SOURCE = "After a change at the source retry from snapshot: a plain retry keeps the copy."
"""Said with every failure of a guest."""


def classify(error: BaseException, *, detail: str = "") -> Failure:
    """The failure an error means. detail: traceback, kept for bugs only (tools bring their own last
    lines).
    """
    text = str(error)
    tail = error.stderr_tail if isinstance(error, errors.ToolError) else ""
    for line in CATALOGUE:
        if line.matches(error, f"{text}\n{tail}"):
            return _known(error, line, tail)
    if isinstance(error, errors.V2sError):
        return _unlisted(error)
    return _bug(error, detail)


def _title(error: BaseException) -> str:
    return error.title if isinstance(error, errors.V2sError) else f"{type(error).__name__}: {error}"


def _known(error: BaseException, line: Signature, tail: str) -> Failure:
    outside = error if isinstance(error, errors.OutsideError) else None
    fix = outside.hint if outside and outside.hint else line.fix
    return Failure(
        kind=line.kind,
        signature=line.id,
        title=_title(error),
        cause=line.cause,
        fix=f"{fix.rstrip('.')}. {MENDED_AT_SOURCE}" if line.kind is FailureKind.GUEST else fix,
        retry_safe=line.retry_safe and (outside is None or outside.retry_safe),
        transient=outside is not None and outside.transient,
        retry_from=line.retry_from,
        detail=tail,
    )


def _unlisted(error: errors.V2sError) -> Failure:
    kind = FailureKind.SOURCE if isinstance(error, errors.InputError) else FailureKind.API
    return Failure(
        kind=kind, signature=type(error).__name__, title=error.title, cause=error.title, fix=error.hint
    )


def _bug(error: BaseException, detail: str) -> Failure:
    return Failure(
        kind=FailureKind.BUG,
        signature=f"bug-{type(error).__name__}",
        title=_title(error),
        cause="v2s did something it should not: this is a bug.",
        fix="Report it with the lines below; the other VMs go on, a retry may meet it again.",
        detail=detail,
    )


def quarantined(reason: str, signature: str) -> Failure:
    """The failure of a VM that was never started because similar VMs failed."""
    return Failure(
        kind=FailureKind.QUARANTINE,
        signature=f"quarantine-{signature}",
        title=reason,
        cause="Similar VMs failed with the same signature, so this one was not started.",
        fix="Mend the cause, then retry this VM.",
    )
