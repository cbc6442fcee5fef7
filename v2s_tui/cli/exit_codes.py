"""Exit codes, in one place (DESIGN section 2), and how an error ends the program."""

from enum import IntEnum

from v2s_tui.domain.errors import Cancelled, GateClosed, InputError, LoginRefused, PreflightBlocked, V2sError


class ExitCode(IntEnum):
    """What scripts may rely on."""

    DONE = 0
    VM_FAILED = 1
    WRONG_INPUT = 2
    GATE = 3
    BLOCKED = 4
    INTERRUPTED = 130


def exit_code_of(error: V2sError) -> ExitCode:
    """The code for an error that ended the program."""
    if isinstance(error, InputError | LoginRefused):
        return ExitCode.WRONG_INPUT
    if isinstance(error, GateClosed):
        return ExitCode.GATE
    if isinstance(error, PreflightBlocked):
        return ExitCode.BLOCKED
    if isinstance(error, Cancelled):
        return ExitCode.INTERRUPTED
    # What the world refused before anything was started; failures of VMs are the run's own outcome.
    return ExitCode.BLOCKED
