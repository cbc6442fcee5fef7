"""What an operator can tell a running batch: one plain command, as it travels over the socket.

names: approve, approve_retry_failed, hold, abort; retry, skip, cancel (one VM); pause, resume (the batch);
pause_limit, resume_limit, set_limit (one limit).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.events import Actor, Decision
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import Stage

CommandName = Literal[
    "approve", "approve_retry_failed", "hold", "abort", "retry", "skip", "cancel", "pause", "resume",
    "pause_limit", "resume_limit", "set_limit",
]  # fmt: skip
DECISIONS: Mapping[str, Decision] = {each.value: each for each in Decision}
COMMAND_NAMES: tuple[str, ...] = get_args(CommandName)


@dataclass(frozen=True, slots=True)
class Command:
    """One command. vm: for retry, skip, cancel. from_stage: retry begins there (None: as far as evidence
    holds). planned: for retry, the edited plan entry. reason: for skip. limit, value: for the limit commands.
    gate: for decisions, index of the wave whose gate the operator saw (None: whichever is closed).
    """

    name: CommandName
    actor: Actor
    vm: str = ""
    from_stage: Stage | None = None
    planned: PlannedVm | None = None
    reason: str = ""
    limit: Limit | None = None
    value: int = 0
    gate: int | None = None


@cache
def _adapter() -> TypeAdapter[Command]:
    return TypeAdapter(Command)


def planned_to_json(planned: PlannedVm) -> dict[str, Any]:
    """An edited plan entry as it travels with `retry`: plain JSON data."""
    data: dict[str, Any] = TypeAdapter(PlannedVm).dump_python(planned, mode="json")
    return data


def command_from_json(data: Mapping[str, Any]) -> Command:
    """The command again; raises InputError for anything that is none."""
    try:
        return _adapter().validate_python(data)
    except ValidationError as err:
        raise InputError(
            f"{data.get('name')!r} is no command that makes sense here", hint=str(err.errors()[0]["msg"])
        ) from err
