"""Whether disks may be sent as vSphere compressed them: what a canary has proved of the importer."""

from collections.abc import Iterator

from v2s_tui.adapters.store.canaries import read_canary
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.execution.canary import VALID_DAYS, CanaryRecord
from v2s_tui.usecases.cluster_mode import canary_target, cluster_mode
from v2s_tui.usecases.services import Services

_PROVE = "`v2s disk canary` proves it: a small image goes through the importer, for cents and some minutes"


def check_pass_through(services: Services) -> Iterator[Check]:
    """One line. Without proof disks are compressed again on the way, which costs CPU and nothing else.

    Raises StateError for a damaged canary record.
    """
    settings, now = services.settings, services.clock.now()
    target = canary_target(settings.scaleway)
    record = read_canary(services.work_dir, target)
    proved = record is not None and record.proves(now)
    detail = f"{target.region}, {target.storage}: {_said(record, proved=proved)}"
    if proved:
        yield Check("storage", "pass-through", CheckState.OK, detail)
    elif cluster_mode(settings, now) == "pass":
        detail += "; conversion.cluster_mode sends unmodified grains all the same"
        fix = f"{_PROVE}; until then set cluster_mode: auto"
        yield Check("storage", "pass-through", CheckState.WARN, detail, fix)
    else:
        yield Check("storage", "pass-through", CheckState.OK, detail, _PROVE)


def _said(record: CanaryRecord | None, *, proved: bool) -> str:
    if record is None:
        return "not proved yet, disks are compressed again on the way"
    day = f"{record.begun_at:%Y-%m-%d}"
    if record.passed is None:
        return f"not proved, the canary of {day} did not come to its end"
    if not record.passed:
        return f"does not work, {day}: {record.detail}"
    return f"proved on {day}" if proved else f"proved on {day}, which counts for {VALID_DAYS} days only"
