"""Finding and reading migration.yaml; the environment fills what no file says (seed-system.md A1, A2)."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from v2s_tui.adapters.formats.marked_yaml import MarkedDocument, parse_marked
from v2s_tui.adapters.formats.validation import validate
from v2s_tui.config.secrets import SecretSource, private
from v2s_tui.config.settings import ScalewaySettings, Settings, VmwareSettings
from v2s_tui.domain.errors import ConfigError, Position

ENVIRONMENT: dict[str, tuple[str, str]] = {
    "VCENTER_HOST": ("vmware", "vcenter"),
    "VCENTER_USERNAME": ("vmware", "username"),
    "VCENTER_INSECURE": ("vmware", "insecure"),
    "SCW_ORGANIZATION_ID": ("scaleway", "organization_id"),
    "SCW_DEFAULT_ORGANIZATION_ID": ("scaleway", "organization_id"),
    "SCW_PROJECT_ID": ("scaleway", "project_id"),
    "SCW_DEFAULT_PROJECT_ID": ("scaleway", "project_id"),
    "SCW_DEFAULT_ZONE": ("scaleway", "default_zone"),
    "SCW_S3_REGION": ("scaleway", "s3_region"),
    "SCW_S3_BUCKET": ("scaleway", "s3_bucket"),
    "SCW_API_URL": ("scaleway", "api_url"),
}
"""Variables that speak where the file says nothing; of two for one key the first wins. Secrets have their own
(VCENTER_PASSWORD, SCW_ACCESS_KEY, SCW_SECRET_KEY) as the defaults of their references."""

WITHOUT_EFFECT = (
    ("migration", "parallel_exports", "the plan's concurrency decides"),
    ("migration", "parallel_uploads", "the plan's concurrency decides"),
    ("conversion", "virt_v2v_verbose", "what virt-v2v says last is kept with its failure"),
)
"""Keys of the specification that are accepted, and why they decide nothing here."""


def load_config(path: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from this file, else from the first of `candidates`, else from the environment alone.

    Raises ConfigError with file, line and column for a file that cannot be read, an unknown key, a wrong
    value, and a literal secret in a file that others may read; also for one that was found and not named, and
    is another user's.
    """
    environ = os.environ if environ is None else environ
    found = path or next((each for each in candidates(environ) if each.is_file()), None)
    if found is not None and path is None:
        _require_own(found)
    document = _read(found) if found else MarkedDocument("environment", {}, {})
    if {"source", "warnings"} & set(document.data):
        raise ConfigError(
            "`source` and `warnings` are not settings", hint="remove them", position=Position(str(found))
        )
    settings = validate(_with_environment(document, environ), Settings, error=ConfigError)
    return settings.model_copy(
        update={"source": found, "warnings": tuple(_warnings(settings, document, found))}
    )


def _require_own(found: Path) -> None:
    """A file in the current folder decides where passwords of the environment are sent."""
    about = found.stat()
    why = "belongs to another user" if about.st_uid not in {0, os.geteuid()} else ""
    why = why or ("can be changed by everybody" if about.st_mode & 0o002 else "")
    if why:
        hint = f"look into it; `--config {found}` takes it all the same"
        raise ConfigError(f"{why}, so it is not taken unasked", hint=hint, position=Position(str(found)))


def candidates(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a configuration is looked for, in order."""
    home = Path(environ.get("HOME", "~")).expanduser()
    own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return (
        Path("migration.yaml"),
        Path("config.yaml"),
        Path("/etc/v2s/config.yaml"),
        own / "v2s" / "migration.yaml",
    )


def _read(path: Path) -> MarkedDocument:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"cannot be read: {reason}", hint="check --config", position=Position(str(path))
        ) from err
    document = parse_marked(text, file=str(path), error=ConfigError)
    if not isinstance(document.data, dict):
        raise ConfigError(
            "must be a mapping of sections", hint="begin with vmware:", position=document.position(())
        )
    return document


def _with_environment(document: MarkedDocument, environ: Mapping[str, str]) -> MarkedDocument:
    data: dict[str, Any] = dict(document.data)
    for variable, (section, key) in ENVIRONMENT.items():
        value, present = environ.get(variable), data.get(section) or {}
        if value and isinstance(present, dict) and present.get(key) is None:
            data[section] = present | {key: value}
    return MarkedDocument(document.file, data, document.marks)


def _warnings(settings: Settings, document: MarkedDocument, path: Path | None) -> Iterator[str]:
    for section, key in _literal_secrets(settings):
        position = document.position((section, key))
        if path and not private(path):
            raise ConfigError(
                "a secret stands literally in a file that others may read",
                hint=f"write {key}_env: VARIABLE or {key}_file: PATH instead, or chmod 600 {path}",
                position=position,
            )
        yield f"{position}: a secret stands literally in this file; {key}_env or {key}_file is safer"
    for section, key, instead in WITHOUT_EFFECT:
        if key in getattr(settings, section).model_fields_set:
            yield f"{document.position((section, key))}: {key} has no effect, {instead}"
    if settings.vmware.insecure:
        yield "vmware.insecure: vCenter's certificate is not verified; set ca_file or thumbprint instead"


def _literal_secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    sections: dict[str, VmwareSettings | ScalewaySettings] = {
        "vmware": settings.vmware, "scaleway": settings.scaleway,
    }  # fmt: skip
    for name, section in sections.items():
        for key in section.SECRETS:
            if getattr(section, key).source is SecretSource.LITERAL:
                yield name, key
