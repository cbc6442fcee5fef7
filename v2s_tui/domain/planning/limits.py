"""The named limits on what runs at the same time, with both vocabularies a plan may use.

Defaults and names: specification, "Concurrency Model"; the plan's `max_*` keys: seed-system.md A4.
"""

from enum import StrEnum

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class Limit(StrEnum):
    """A resource that VMs share. PER_ESXI_HOST exists once for each host."""

    PER_ESXI_HOST = "per_esxi_host"
    DISK_IO = "disk_io"
    S3_UPLOAD = "s3_upload"
    SCW_API = "scw_api"
    GLOBAL = "global"


_KEYS: dict[Limit, tuple[str, str]] = {
    Limit.PER_ESXI_HOST: ("max_exports_per_host", "per_esxi_host"),
    Limit.DISK_IO: ("max_concurrent_conversions", "disk_io"),
    Limit.S3_UPLOAD: ("max_concurrent_uploads", "s3_upload"),
    Limit.SCW_API: ("max_concurrent_imports", "scw_api"),
    Limit.GLOBAL: ("max_total_workers", "global"),
}


def _limit(limit: Limit, default: int) -> int:
    value: int = Field(
        default,
        ge=1,
        le=1000,
        validation_alias=AliasChoices(*_KEYS[limit]),
        serialization_alias=_KEYS[limit][0],
    )
    return value


class Limits(BaseModel):
    """How many may run at once. Reads either vocabulary, writes the plan's `max_*` names."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    per_esxi_host: int = _limit(Limit.PER_ESXI_HOST, 4)
    disk_io: int = _limit(Limit.DISK_IO, 3)
    s3_upload: int = _limit(Limit.S3_UPLOAD, 6)
    scw_api: int = _limit(Limit.SCW_API, 5)
    global_: int = _limit(Limit.GLOBAL, 10)

    def of(self, limit: Limit) -> int:
        """The number for one limit (for each host, where it is per host)."""
        value: int = getattr(self, "global_" if limit is Limit.GLOBAL else limit.value)
        return value

    def changed(self, limit: Limit, value: int) -> "Limits":
        """A copy with one limit changed; raises pydantic's ValidationError below 1."""
        fields = {_KEYS[each][0]: self.of(each) for each in Limit} | {_KEYS[limit][0]: value}
        return Limits.model_validate(fields)
