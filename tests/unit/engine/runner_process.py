"""A runner as a process of its own over a state file, for tests of signals: `runner_process.py WORK_DIR`.

Its VMs convert until a file `go` appears in the work folder.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.stages import STAGES

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.adapters.store.reading import state_path
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.outcome import exit_code
from v2s_tui.engine.runner import run_in_foreground
from v2s_tui.engine.settings import GateMode
from v2s_tui.engine.stage_contract import StageContext, StageFunction, StageInput


def stages(work_dir: Path) -> Mapping[Stage, StageFunction]:
    """Converting takes until it may end."""

    def convert(task: StageInput, context: StageContext) -> Artifacts:
        os.write(1, b"converting\n")
        while not (work_dir / "go").exists():
            context.pause(0.01)
        return STAGES[Stage.CONVERT](task, context)

    return {**STAGES, Stage.CONVERT: convert}


def main(work_dir: Path, question: str) -> int:
    """Run, and leave with the outcome's exit code. question: what Ctrl+C is answered, "" nobody asks."""
    rig = Rig(plan_of([("all", [vm_named("vm-0"), vm_named("vm-1")], PausePolicy.CONTINUE)]), work_dir)
    path = state_path(work_dir, "0a1b2c3d")
    store = (
        BatchStateFile.open(path) if path.exists() else BatchStateFile.create(work_dir, batch_of(rig.plan))
    )
    asked = (lambda: question) if question else None
    request = rig.request(store, GateMode.STOP, stages=stages(work_dir), ask_interrupt=asked)
    outcome = run_in_foreground(request)
    store.close()
    return exit_code(outcome)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
