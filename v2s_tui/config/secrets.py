"""Secrets as references: where one is, never what it is, until the moment it is used."""

import os
from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from v2s_tui.domain.errors import ConfigError


class SecretSource(StrEnum):
    """Where a secret is kept; the values are the endings of the keys in migration.yaml."""

    ENV = "env"
    FILE = "file"
    KEYRING = "keyring"
    LITERAL = "literal"


class SecretRef(BaseModel):
    """A secret by reference. Printing, dumping and logging it show its place only.

    name: the variable, the file, or `service/user` in the keyring ("" for a literal).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: SecretSource
    name: str = ""
    literal: SecretStr | None = Field(None, exclude=True, repr=False)

    def __str__(self) -> str:
        return (
            "a literal in the configuration file"
            if self.source is SecretSource.LITERAL
            else (f"{self.source.value}:{self.name}")
        )

    def resolve(self, environ: Mapping[str, str] | None = None) -> str:
        """The secret itself, read now. Raises ConfigError when it is missing, empty or open to others."""
        if self.source is SecretSource.LITERAL:
            return self.literal.get_secret_value() if self.literal else ""
        if self.source is SecretSource.ENV:
            return _from_environment(self.name, os.environ if environ is None else environ)
        if self.source is SecretSource.FILE:
            return _from_file(Path(self.name).expanduser())
        return _from_keyring(self.name)

    def resolve_key(self, environ: Mapping[str, str] | None = None) -> str:
        """An API key: as `resolve`, without blanks around it. Raises ConfigError, which never shows it, for
        what cannot stand in an HTTP header: there the message of whoever refuses it would.
        """
        value = self.resolve(environ).strip()
        if not value or any(not "!" <= letter <= "~" for letter in value):
            raise ConfigError(
                f"{self} is no API key: a key is one word of letters, digits and dashes",
                hint="has it more than one line, a blank or a typographic quote in it? Copy the key alone",
            )
        return value


def private(path: Path) -> bool:
    """True when only the owner may read the file."""
    return path.stat().st_mode & 0o077 == 0


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "")
    if not value:
        raise ConfigError(
            f"the environment variable {name} is not set", hint=f"export {name} before starting v2s"
        )
    return value


def _from_file(path: Path) -> str:
    try:
        if not private(path):
            raise ConfigError(f"the secret file {path} can be read by others", hint=f"chmod 600 {path}")
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(
            f"the secret file {path} cannot be read: {err}", hint="check the path and its rights"
        ) from err
    if not value:
        raise ConfigError(f"the secret file {path} is empty", hint="write the secret on its first line")
    return value


def _from_keyring(name: str) -> str:
    service, _, user = name.partition("/")
    if not service or not user:
        raise ConfigError(f"{name!r} does not name a keyring entry", hint="write service/user")
    try:
        keyring = import_module("keyring")
    except ImportError as err:
        raise ConfigError("the Python package keyring is not installed", hint="pip install keyring") from err
    try:
        value: str | None = keyring.get_password(service, user)
    except Exception as err:  # each of its backends has errors of its own; none shows the secret
        raise ConfigError(
            f"the keyring does not give {name}: {err}",
            hint="unlock it; a host without a desktop mostly has none: use _file or _env there",
        ) from err
    if not value:
        raise ConfigError(f"the keyring has no entry {name}", hint=f"keyring set {service} {user}")
    return value
