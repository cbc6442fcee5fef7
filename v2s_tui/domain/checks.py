"""One thing that `v2s doctor` looked at, and what to do when it is not well."""

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """OK, or it will hurt (WARN), or it will not work (FAIL)."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """area: host, vcenter, scaleway, storage. detail: what was found. fix: what to do, "" when ok."""

    area: str
    name: str
    state: CheckState
    detail: str
    fix: str = ""
