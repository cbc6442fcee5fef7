"""`v2s batch resume --vm`: VMs that are to run again though they were cancelled or skipped, from a stage, or
with an edited plan entry.
"""

from collections.abc import Sequence
from pathlib import Path

from v2s_tui.bootstrap import open_services
from v2s_tui.cli.console import say
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.usecases.check_plan import check_plan_file
from v2s_tui.usecases.reopen_vm import reopen_vm
from v2s_tui.usecases.run_batch import entry_as_planned


def reopen(
    config: Path | None,
    batch_id: str,
    vm_names: Sequence[str],
    from_stage: str | None,
    plan_path: Path | None,
) -> None:
    """Put them back to pending. Raises InputError for what is no stage, and what `reopen_vm` raises."""
    stage = _stage(from_stage) if from_stage else None
    with open_services(config, warn=say) as services:
        outlook = check_plan_file(services, plan_path) if plan_path else None
        entries = {name: entry_as_planned(outlook, name) if outlook else None for name in vm_names}
        for name, planned in entries.items():
            reopen_vm(services, batch_id, name, from_stage=stage, planned=planned)


def _stage(word: str) -> Stage:
    try:
        return Stage(word)
    except ValueError as err:
        raise InputError(f"{word!r} is no stage", hint=", ".join(each.value for each in Stage)) from err
