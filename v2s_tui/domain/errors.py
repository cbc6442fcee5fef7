"""The one error tree. Every error tells an operator what failed, the likely cause and what to do next.

V2sError
|- InputError                  wrong usage, config, plan, filter or input file        exit 2
|  |- ConfigError  PlanError  FilterError  InventoryFileError  StateError
|- PreflightBlocked            findings forbid the start                              exit 4
|- GateClosed                  an operator must decide before the next wave           exit 3
|- Cancelled                   the operator asked to stop this VM or the batch
`- OutsideError                the world said no; `retry_safe` tells what a retry does exit 1
   |- SourceError              vCenter, ESXi      SourceUnreachable  LoginRefused  SessionExpired
   |                                                LeaseFailed  QuiesceFailed
   |- TargetError              Scaleway           QuotaExceeded  OutOfStock  RateLimited  NotFound
   |                                                ImportRefused
   |- StorageError             Object Storage
   |- ToolError                a local tool (qemu-img, ...) ended badly; carries its last stderr lines
   |- BootNotProven            the adapted guest did not boot here
   |- VerificationFailed       what stands at Scaleway is not what the plan says
   `- WorkDiskFull             not enough room on the conversion host
"""

from dataclasses import dataclass


class V2sError(Exception):
    """Base of everything v2s raises on purpose.

    title: one sentence, what failed and on what. hint: the likely cause and what to do next ("" if unknown).
    """

    def __init__(self, title: str, *, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.title}. {self.hint}" if self.hint else self.title


@dataclass(frozen=True, slots=True)
class Position:
    """Where in an input the mistake is. line and column count from 1; None where unknown."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place} ({self.key})" if place and self.key else place or (self.key or "")


class InputError(V2sError):
    """Bad input by the operator; nothing was started. Exit code 2."""

    def __init__(self, title: str, *, hint: str = "", position: Position | None = None) -> None:
        self.position = position or Position()
        where = str(self.position)
        super().__init__(f"{where}: {title}" if where else title, hint=hint)
        self.bare_title = title


class ConfigError(InputError):
    """migration.yaml, a referenced secret or an environment variable is wrong."""


class PlanError(InputError):
    """The plan file is wrong."""


class FilterError(InputError):
    """A filter expression is wrong; `position.column` points at the character."""


class InventoryFileError(InputError):
    """An inventory or RVTools file cannot be used."""


class StateError(InputError):
    """A batch state is missing, damaged, of another version, or owned by a running process."""


class PreflightBlocked(V2sError):
    """Pre-flight found reasons that forbid the start. Exit code 4."""


class GateClosed(V2sError):
    """A wave gate waits for an operator. Exit code 3."""


class Cancelled(V2sError):
    """The operator asked to stop; finished artifacts are kept."""


class OutsideError(V2sError):
    """The outside world refused or failed.

    retry_safe: True when the same call may be made again without harm. transient: True when waiting and
    trying again is likely to help (rate limits, dropped connections).
    """

    retry_safe = True
    transient = False


class SourceError(OutsideError):
    """vCenter or an ESXi host refused or failed."""


class SourceUnreachable(SourceError):
    """No connection, a timeout or TLS that does not verify."""

    transient = True


class LoginRefused(SourceError):
    """vCenter refused user name or password."""


class SessionExpired(SourceError):
    """The vCenter session is gone; log in again."""

    transient = True


class LeaseFailed(SourceError):
    """The NFC lease went to error, or its stream broke; the disk starts again from its beginning."""

    transient = True


class QuiesceFailed(SourceError):
    """VMware Tools could not quiesce the guest; a snapshot without quiescing may still be taken."""


class TargetError(OutsideError):
    """The Scaleway API refused or failed.

    status: HTTP status (None when no answer came); kind: the API's `type` ("" when it sent none).
    """

    def __init__(self, title: str, *, hint: str = "", status: int | None = None, kind: str = "") -> None:
        super().__init__(title, hint=hint)
        self.status = status
        self.kind = kind


class RateLimited(TargetError):
    """HTTP 429 and retries are used up."""

    transient = True


class TargetUnavailable(TargetError):
    """Connection lost, timeout, or a 5xx answer."""

    transient = True


class NotFound(TargetError):
    """The named resource does not exist (any more)."""


class QuotaExceeded(TargetError):
    """The project's quota is used up; ask Scaleway's support or choose another type or zone."""


class OutOfStock(TargetError):
    """The zone has no machine of this Instance type now."""


class ImportRefused(TargetError):
    """Scaleway refused the object, or its import ended in status `error`."""

    retry_safe = False


class StorageError(OutsideError):
    """Object Storage refused or failed."""


class StorageUnavailable(StorageError):
    """Connection lost, timeout, throttling or a 5xx answer of Object Storage."""

    transient = True


class ToolError(OutsideError):
    """A local tool ended badly.

    command: pasteable, without secrets; exit_code: None when it was killed by us; stderr_tail: its last
    lines.
    """

    def __init__(
        self, title: str, *, command: str, exit_code: int | None, stderr_tail: str, hint: str = ""
    ) -> None:
        super().__init__(title, hint=hint)
        self.command = command
        self.exit_code = exit_code
        self.stderr_tail = stderr_tail


class WorkDiskFull(OutsideError):
    """The work folder has not enough free space; nothing was written beyond it."""


class BootNotProven(OutsideError):
    """The adapted guest did not come as far as the plan asks when it booted here; nothing was sent."""


class VerificationFailed(OutsideError):
    """What stands at Scaleway is not what the plan says."""

    retry_safe = False
