"""What migration.yaml may say, with its defaults (reference: seed-system.md A2, DESIGN section 2)."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from v2s_tui.config.secrets import SecretRef, SecretSource
from v2s_tui.domain.errors import FilterError, InputError
from v2s_tui.domain.execution.transfer import Strategy
from v2s_tui.domain.planning.bandwidth import parse_rates
from v2s_tui.domain.source.filters import named_filter


class SettingsPart(BaseModel):
    """One section. A secret field `x` is read from `x_env`, `x_file`, `x_keyring` or, literally, `x`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True
    )
    SECRETS: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _gather_secrets(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return {} if data is None else data
        gathered = dict(data)
        for name in cls.SECRETS:
            refs = [ref for ref in (_take(gathered, name, source) for source in SecretSource) if ref]
            if len(refs) > 1:
                raise ValueError(f"give {name} once: as {name}_env, {name}_file or {name}_keyring")
            if refs:
                gathered[name] = refs[0]
        return gathered


def _take(data: dict[str, Any], name: str, source: SecretSource) -> SecretRef | None:
    key = name if source is SecretSource.LITERAL else f"{name}_{source.value}"
    value = data.get(key)
    if isinstance(value, SecretRef):
        return None
    data.pop(key, None)
    if value is None:
        return None
    if source is SecretSource.LITERAL:
        return SecretRef(source=source, literal=SecretStr(str(value)))
    return SecretRef(source=source, name=str(value))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_environment(name: str) -> SecretRef:
    return SecretRef(source=SecretSource.ENV, name=name)


class VmwareSettings(SettingsPart):
    """vCenter. thumbprint: of its certificate, instead of a CA. insecure: verify nothing."""

    SECRETS: ClassVar[tuple[str, ...]] = ("password",)

    vcenter: str = ""
    port: int = Field(443, ge=1, le=65535)
    username: str = ""
    password: SecretRef = _in_environment("VCENTER_PASSWORD")
    insecure: bool = False
    ca_file: Path | None = None
    thumbprint: str | None = None

    @field_validator("vcenter")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        if "/" in value:
            raise ValueError(
                "write the host alone, such as vcenter.example.com; its port is a key of its own"
            )
        return value


class ScalewaySettings(SettingsPart):
    """Scaleway. s3_endpoint: None means Scaleway's own for s3_region. image: also make an image.

    max_rate: ceiling of all uploads together by time of day (`300Mbit/s 08:00-19:00`), see
    domain/planning/bandwidth.py. api_rate: API requests per second at most; Scaleway publishes no figure, and
    whoever asks too often gets 429 and halves its pace by itself.
    """

    SECRETS: ClassVar[tuple[str, ...]] = ("access_key", "secret_key")

    access_key: SecretRef = _in_environment("SCW_ACCESS_KEY")
    secret_key: SecretRef = _in_environment("SCW_SECRET_KEY")
    organization_id: str = ""
    project_id: str = ""
    default_zone: str = Field("fr-par-1", pattern=r"^[a-z]{2}-[a-z]{3}-\d$")
    s3_region: str = Field("fr-par", pattern=r"^[a-z]{2}-[a-z]{3}$")
    s3_bucket: str = "vmware-migration-transit"
    max_rate: tuple[str, ...] = ()
    api_rate: float = Field(10.0, ge=0.1, le=1000.0)
    api_url: str = Field("https://api.scaleway.com", pattern=r"^https?://[^/]+(/.*[^/])?$")
    s3_endpoint: str | None = Field(None, pattern=r"^https?://[^/]+(/.*[^/])?$")
    ca_file: Path | None = None
    create_instance: bool = True
    image: bool = True

    @field_validator("api_url")
    @classmethod
    def _keeps_the_key_secret(cls, value: str) -> str:
        """Every request carries the key in a header."""
        parts = urlsplit(value)
        if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
            raise ValueError("must begin with https://: every request carries the API key")
        return value

    @field_validator("max_rate", mode="before")
    @classmethod
    def _rates_parse(cls, value: Any) -> Any:
        texts = (value,) if isinstance(value, str) else value
        try:
            parse_rates(str(each) for each in texts or ())
        except InputError as err:
            raise ValueError(str(err)) from err
        return texts

    @property
    def storage_url(self) -> str:
        """Where Object Storage answers."""
        return self.s3_endpoint or f"https://s3.{self.s3_region}.scw.cloud"

    @property
    def storage_name(self) -> str:
        """Names it where speeds are remembered."""
        return self.s3_endpoint or self.s3_region


class ConversionSettings(SettingsPart):
    """The conversion host. cluster_mode: how disks are stored while they are received; `auto` is `pass` where
    a canary has passed (`v2s disk canary`), else `w12`. cleanup_on_success: a VM that arrived leaves no local
    images behind. rehearsal_memory_mib: of a guest that boots here for proof; one whose services take more, a
    database with huge pages for instance, does not come up in less.

    virt_v2v_verbose: read for compatibility only, what virt-v2v says last is kept with its failure.
    """

    work_dir: Path = Path("/var/lib/v2s/work")
    compress_qcow2: bool = True
    cluster_mode: Literal["auto", "w12", "pass"] = "auto"
    virtio_win_iso: Path | None = None
    cleanup_on_success: bool = True
    rehearsal_memory_mib: int = Field(1024, ge=256, le=65536)
    virt_v2v_verbose: bool = False


class MigrationSettings(SettingsPart):
    """Retries of transient failures: how many for each stage, and the first pause, which doubles from one to
    the next. None: each stage's own (domain/execution/retry.py).

    export_strategy: `streaming` uploads a disk while it is received, `local` afterwards; `auto` decides by
    measured speeds and what the guest can trim (domain/execution/transfer.py).
    parallel_*: read for compatibility only; the plan's `concurrency` decides.
    """

    parallel_exports: int | None = Field(None, ge=1)
    parallel_uploads: int | None = Field(None, ge=1)
    retry_count: int | None = Field(None, ge=0, le=100)
    retry_delay_seconds: float | None = Field(None, ge=0)
    export_strategy: Strategy = Strategy.AUTO


class Settings(SettingsPart):
    """Everything migration.yaml says. source: the file it came from, None when only the environment spoke.

    warnings: sentences for the operator. filters: name -> filter text, used as `@name`. keys: action id ->
    key, the app's key bindings. theme: None means the app's own choice.
    """

    vmware: VmwareSettings = Field(default_factory=VmwareSettings)
    scaleway: ScalewaySettings = Field(default_factory=ScalewaySettings)
    conversion: ConversionSettings = Field(default_factory=ConversionSettings)
    migration: MigrationSettings = Field(default_factory=MigrationSettings)
    filters: dict[str, str] = Field(default_factory=dict)
    keys: dict[str, str] = Field(default_factory=dict)
    theme: str | None = None
    source: Path | None = Field(None, exclude=True)
    warnings: tuple[str, ...] = Field((), exclude=True)

    @field_validator("filters")
    @classmethod
    def _filters_parse(cls, filters: dict[str, str]) -> dict[str, str]:
        for name in filters:
            try:
                named_filter(name, filters)
            except FilterError as err:
                raise ValueError(f"filter {name!r}: {err}") from err
        return filters
