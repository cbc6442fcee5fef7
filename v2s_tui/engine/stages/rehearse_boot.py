"""rehearse_boot: the adapted disks boot here as they will at Scaleway, before anything is sent.

The level the plan asks for must be reached; without it nothing is uploaded (reference: guest.md section 8).
"""

from dataclasses import replace

from v2s_tui.domain.errors import BootNotProven
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal, evidence_level
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.guest_work import evidence_folder, overlay_paths

DEFAULT_LEVEL = EvidenceLevel.USERSPACE


def rehearse_boot(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage. Raises BootNotProven with the console's last lines when the level is not reached."""
    required = evidence_level(stage.planned.rehearse) if stage.planned.rehearse else DEFAULT_LEVEL
    folder = evidence_folder(stage)
    context.progress.activity = f"boots here, must reach {required.label}"

    def seen(level: EvidenceLevel) -> None:
        context.progress.activity = f"reached {level.label}, must reach {required.label}"

    nics = stage.planned.nics
    result = context.ports.guests.rehearse(
        overlay_paths(stage.artifacts),
        required=required,
        timeout_seconds=stage.planned.boot_timeout_seconds,
        folder=folder,
        source_mac=nics[0].mac_address.lower() if nics else "",
        on_level=seen,
        cancelled=context.cancelled,
    )
    (folder / "serial-tail.txt").write_text(result.serial_tail, encoding="utf-8")
    if not result.passed:
        slow = result.duration_seconds >= stage.planned.boot_timeout_seconds
        raise BootNotProven(_what_happened(result), hint=_what_to_do(result, slow=slow))
    again = f", boot {result.boots}: the host was too busy before" if result.boots > 1 else ""
    proof = f"{result.reached.label} in {result.duration_seconds:.0f} s ({result.acceleration}{again})"
    if required >= EvidenceLevel.NETWORK and not result.nic_seen:
        proof += "; it did not bring its network card up here, so it may not be reachable"
    artifacts = replace(stage.artifacts, boot_level=result.reached.label)
    return artifacts.with_note("rehearsal", proof).with_note("boot", "proven here")


def _what_happened(result: Rehearsal) -> str:
    reached = result.reached.label if result.observations else "nothing"
    reason = result.failure or "time ran out"
    return f"the guest did not boot here: {reason}; reached {reached}, needs {result.required.label}"


def _what_to_do(result: Rehearsal, *, slow: bool) -> str:
    last = " | ".join(result.serial_tail.splitlines()[-3:])
    where = f"; screen: {result.screenshot}" if result.screenshot else ""
    patience = ", give it more time (`boot_timeout_seconds`)" if slow else ""
    mend = f"Mend the source{patience}, or lower `rehearse` in the plan, then retry"
    return f"{mend}. Console: {last}{where}"
