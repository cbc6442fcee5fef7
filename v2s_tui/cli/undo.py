"""`v2s batch undo`: the list with its consequences, the question, the removal."""

from pathlib import Path

import click

from v2s_tui.bootstrap import open_services
from v2s_tui.cli.console import put, say
from v2s_tui.cli.exit_codes import ExitCode
from v2s_tui.usecases.undo import preview_undo, undo_batch


def undo(config: Path | None, batch_id: str, vm_names: tuple[str, ...], *, yes: bool, dry_run: bool) -> int:
    """Remove what a batch made; returns the exit code. A running Instance goes only when its VM is named."""
    with open_services(config, warn=say) as services:
        preview = preview_undo(services, batch_id, vm_names)
        if not preview.steps:
            say("there is nothing to undo")
            return ExitCode.DONE
        kept = set(preview.running) - set(vm_names)
        going = [step for step in preview.steps if step.effect.vm_name not in kept]
        for step in going:
            put(step.describe())
        for name in preview.running:
            named = "will be stopped and deleted" if name in vm_names else f"stays; name it with --vm {name}"
            say(f"{name}: its Instance is running and {named}")
        if dry_run:
            return ExitCode.DONE
        if not going:
            say("NOT removed: its Instance runs, so nothing is left to undo")
            return ExitCode.VM_FAILED
        if not yes:
            click.confirm(f"Remove these {len(going)}?", abort=True, err=True)
        results = undo_batch(services, batch_id, vm_names)
    for result in results:
        if result.step.effect.vm_name in kept:
            continue  # told above, once for each VM
        word = f"NOT removed: {result.problem}" if result.problem else "removed"
        say(f"{result.step.effect.owner}: {result.step.effect.kind.value} {word}")
    return ExitCode.VM_FAILED if any(result.problem for result in results) else ExitCode.DONE
