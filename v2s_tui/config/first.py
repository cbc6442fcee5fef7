"""The first configuration: what a newcomer answers, tried before anything is written, then migration.yaml.

Secrets go into files of their own, for their owner alone; migration.yaml names the files.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from v2s_tui.config.settings import Settings
from v2s_tui.domain.errors import ConfigError
from v2s_tui.system.files import make_private_folder, write_atomically

THUMBPRINT = re.compile(r"(?:[0-9A-Fa-f]{2}:){19,31}[0-9A-Fa-f]{2}")
_SECRET_FILES = {
    "password": "vcenter-password", "access_key": "scw-access-key", "secret_key": "scw-secret-key",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """As typed. vcenter: host, or host:port. certificate: "" for the system's authorities, else a thumbprint
    or the path of a CA file. A secret left "" is read from its environment variable.
    """

    vcenter: str = ""
    username: str = ""
    password: str = ""
    certificate: str = ""
    access_key: str = ""
    secret_key: str = ""
    project_id: str = ""
    default_zone: str = ""
    s3_bucket: str = ""
    work_dir: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "FirstAnswers":
        """What is known already, from the environment and the defaults."""
        vmware, scaleway = settings.vmware, settings.scaleway
        return cls(
            vcenter=vmware.vcenter,
            username=vmware.username,
            project_id=scaleway.project_id,
            default_zone=scaleway.default_zone,
            s3_bucket=scaleway.s3_bucket,
            work_dir=str(settings.conversion.work_dir),
        )

    def sections(self) -> dict[str, dict[str, Any]]:
        """As migration.yaml has them, without what was left empty; secrets stand literally."""
        host, _, port = _without_scheme(self.vcenter).partition(":")
        trust = "thumbprint" if THUMBPRINT.fullmatch(self.certificate) else "ca_file"
        region = self.default_zone.rpartition("-")[0]
        sections: dict[str, dict[str, Any]] = {
            "vmware": {
                "vcenter": host, "port": int(port) if port.isdigit() else port, "username": self.username,
                "password": self.password, trust: self.certificate,
            },
            "scaleway": {
                "access_key": self.access_key, "secret_key": self.secret_key, "project_id": self.project_id,
                "default_zone": self.default_zone, "s3_region": region, "s3_bucket": self.s3_bucket,
            },
            "conversion": {"work_dir": self.work_dir},
        }  # fmt: skip
        return {name: {key: value for key, value in keys.items() if value} for name, keys in sections.items()}

    def settings(self, base: Settings) -> Settings:
        """To try them: these answers over what the environment says. Raises ConfigError for a wrong one."""
        known = {name: dict(getattr(base, name)) for name in ("vmware", "scaleway", "conversion")}
        try:
            return Settings.model_validate(
                {name: known[name] | keys for name, keys in self.sections().items()}
            )
        except ValidationError as err:
            first = err.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ConfigError(f"{where}: {first['msg']}", hint="see migration.yaml in the README") from err


def _without_scheme(address: str) -> str:
    """What a browser's address bar gives, as host or host:port."""
    return address.strip().rpartition("://")[2].partition("/")[0]


def config_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the first configuration is written: the last place that is looked at."""
    own = environ.get("XDG_CONFIG_HOME")
    return (Path(own) if own else Path.home() / ".config") / "v2s"


def write_first(answers: FirstAnswers, folder: Path) -> Path:
    """Write the secrets' files and migration.yaml into that folder; returns the path of the latter.

    Raises ConfigError when there is a migration.yaml already, or it cannot be written.
    """
    path, sections = folder / "migration.yaml", answers.sections()
    if path.exists():
        raise ConfigError(f"{path} exists already", hint="edit it, or move it away")
    try:
        secrets = make_private_folder(folder / "secrets")
        for keys in sections.values():
            for name in _SECRET_FILES.keys() & keys.keys():
                kept = secrets / _SECRET_FILES[name]
                write_atomically(kept, f"{keys.pop(name)}\n".encode())
                keys[f"{name}_file"] = str(kept)
        write_atomically(path, yaml.safe_dump(sections, sort_keys=False).encode())
    except OSError as err:
        raise ConfigError(f"{path} cannot be written: {err.strerror}", hint="check the folder") from err
    return path


ANSWERS = tuple(field.name for field in fields(FirstAnswers))
SECRETS = frozenset(_SECRET_FILES)
