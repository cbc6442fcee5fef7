"""plan.yaml in and out: errors with their place, and never a write over someone else's edit."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from v2s_tui.adapters.formats.marked_yaml import MarkedDocument, key_of, parse_marked
from v2s_tui.adapters.formats.validation import validate
from v2s_tui.domain.errors import PlanError, Position
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import BatchPlan, PlanPart


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """A plan and where it came from. digest: SHA-256 of the file's bytes, to notice edits by others."""

    plan: BatchPlan
    document: MarkedDocument
    digest: str

    def locate(self, error: PlanError) -> PlanError:
        """The same error with file, line and column of the key that it names (`migrations[3].vm_name`)."""
        key = error.position.key
        path = next((each for each in self.document.marks if key and key_of(each) == key), None)
        if path is None or error.position.line is not None:
            return error
        return PlanError(error.bare_title, hint=error.hint, position=self.document.position(path))


def read_plan(path: Path) -> LoadedPlan:
    """Read a plan file. Raises PlanError with file, line, column and the fix."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
        raise PlanError(
            f"cannot be read: {reason}",
            hint="check the path; `v2s inventory-plan -o plan.yaml` writes a plan",
            position=Position(str(path)),
        ) from err
    loaded = parse_plan(text, file=str(path))
    return LoadedPlan(loaded.plan, loaded.document, hashlib.sha256(content).hexdigest())


def parse_plan(text: str, *, file: str = "plan.yaml") -> LoadedPlan:
    """Parse the text of a plan. Raises PlanError."""
    document = parse_marked(text, file=file, error=PlanError)
    plan = validate(document, BatchPlan, error=PlanError)
    return LoadedPlan(plan, document, hashlib.sha256(text.encode()).hexdigest())


def plan_text(plan: BatchPlan) -> str:
    """The plan as YAML: what was set, in the order of the specification, own `x-` keys last."""
    return yaml.dump(plan_data(plan), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Escapes the rarer line breaks, which YAML would otherwise read back as other ones."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if re.search(r"[\r\x85\u2028\u2029\ufeff]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def plan_data(plan: BatchPlan) -> dict[str, Any]:
    """The plan as plain data, as it stands in YAML."""
    return {"version": plan.version} | _part_data(plan)


def write_plan(plan: BatchPlan, path: Path, *, read_digest: str | None = None) -> str:
    """Write the plan, keep what was there as `.bak`, and return the new file's digest.

    read_digest: digest of the file when it was read; None when the plan is new. Raises PlanError when the
    file is not (any more) what was read, or cannot be written.
    """
    content = plan_text(plan).encode()
    try:
        _keep_previous(path, read_digest)
        _write_atomically(path, content)
    except OSError as err:
        raise PlanError(
            f"cannot be written: {err.strerror}",
            hint="check the folder's rights",
            position=Position(str(path)),
        ) from err
    return hashlib.sha256(content).hexdigest()


def _keep_previous(path: Path, read_digest: str | None) -> None:
    if not path.exists():
        return
    before = path.read_bytes()
    if read_digest is None:
        raise PlanError(
            "exists already", hint="choose another name, or open it first", position=Position(str(path))
        )
    if hashlib.sha256(before).hexdigest() != read_digest:
        hint = "look at the difference with `v2s plan diff`, then save under another name or read it again"
        raise PlanError(
            "was changed by someone else since it was read", hint=hint, position=Position(str(path))
        )
    _write_atomically(path.with_name(path.name + ".bak"), before)


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _part_data(part: BaseModel) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        if name in part.model_fields_set and not info.exclude and value is not None:
            data[info.serialization_alias or name] = _plain(value)
    return data | (dict(part.extras) if isinstance(part, PlanPart) else {})


def _plain(value: Any) -> Any:
    if isinstance(value, Limits):
        return value.model_dump(by_alias=True)
    if isinstance(value, BaseModel):
        return _part_data(value)
    if isinstance(value, Enum | datetime):
        return value.value if isinstance(value, Enum) else value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    return [_plain(each) for each in value] if is_list else value
