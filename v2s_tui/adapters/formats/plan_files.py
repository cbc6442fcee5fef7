"""Files that a plan names beside itself: a cloud-init that is a path becomes its text.

Done when a plan is to be run, not when it is edited: the plan keeps the path, the batch's state keeps the
text that was used.
"""

from pathlib import Path
from typing import TypeVar

from v2s_tui.domain.errors import PlanError, Position
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.plan_options import VmOptions

LARGEST_BYTES = 1024 * 1024
"""More is another file named by mistake; the API's own limit is not published."""
Options = TypeVar("Options", bound=VmOptions)


def with_cloud_init(plan: BatchPlan, folder: Path) -> BatchPlan:
    """The plan with texts in place of paths, which are relative to folder. Raises PlanError naming the
    key.
    """
    return plan.model_copy(
        update={
            "defaults": _with_text(plan.defaults, folder, "defaults"),
            "migrations": tuple(
                _with_text(each, folder, f"migrations[{index}]") for index, each in enumerate(plan.migrations)
            ),
        }
    )


def _with_text(options: Options, folder: Path, key: str) -> Options:
    named = options.cloud_init
    if not named or named.lstrip().startswith("#"):
        return options
    return options.model_copy(update={"cloud_init": _read(folder / named, f"{key}.cloud_init")})


def _read(path: Path, key: str) -> str:
    position = Position(key=key)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        hint = "name a file beside the plan, or write the text itself, beginning with #cloud-config"
        raise PlanError(f"cloud-init {path.name}: {reason}", hint=hint, position=position) from err
    if len(content) > LARGEST_BYTES:
        raise PlanError(
            f"cloud-init {path.name} has {len(content)} bytes, {LARGEST_BYTES} at most", position=position
        )
    return text
