"""Inventories as files: JSON and YAML keep everything, CSV is one row per VM for spreadsheets; and the cache.

JSON and YAML: {version, source, taken_at, unreadable, vms}. Sizes in bytes, memory in MiB, times in ISO 8601.
"""

import csv
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import TypeAdapter, ValidationError

from v2s_tui.adapters.formats.marked_yaml import parse_marked
from v2s_tui.domain.errors import InventoryFileError, Position
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.units import GIB

VERSION = 1
MAX_NODES = 30_000_000
_YAML_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@cache
def _vms_adapter() -> TypeAdapter[tuple[Vm, ...]]:
    return TypeAdapter(tuple[Vm, ...])


def inventory_text(inventory: Inventory, file_format: str) -> str:
    """The inventory as `json`, `yaml` or `csv`. Raises KeyError for another format."""
    return _WRITERS[file_format](inventory)


def read_inventory(path: Path) -> Inventory:
    """Read what `inventory_text` wrote as JSON or YAML, by the file's ending.

    Raises InventoryFileError; a CSV is refused, it does not hold everything.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise _error(path, f"cannot be read: {err.strerror}", "check the path") from err
    if path.suffix.lower() not in {".json", ".yaml", ".yml"}:
        raise _error(path, "is neither JSON nor YAML", "give a file written with --format json or yaml")
    return _inventory(path, _json(path, content) if path.suffix.lower() == ".json" else _yaml(path, content))


def save_cache(inventory: Inventory, path: Path) -> None:
    """Keep the inventory for the next start, readable by its owner alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(orjson.dumps(_document(inventory)))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_cache(path: Path, *, source: str = "") -> Inventory | None:
    """The inventory kept last; None when there is none, it cannot be used, or it is of another source."""
    try:
        found = _inventory(path, orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError, InventoryFileError):
        return None
    return found if source in {"", found.source} else None


def _document(inventory: Inventory) -> dict[str, Any]:
    return {
        "version": VERSION,
        "source": inventory.source,
        "taken_at": inventory.taken_at.isoformat(),
        "unreadable": list(inventory.unreadable),
        "vms": _vms_adapter().dump_python(inventory.vms, mode="json"),
    }


def _json_text(inventory: Inventory) -> str:
    return orjson.dumps(_document(inventory), option=orjson.OPT_INDENT_2).decode() + "\n"


def _yaml_text(inventory: Inventory) -> str:
    document = _document(inventory)
    document["vms"] = [_without_defaults(vm) for vm in document["vms"]]
    return str(yaml.dump(document, Dumper=_YAML_DUMPER, sort_keys=False, allow_unicode=True, width=120))


def _without_defaults(vm: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from a bare VM, so that people can read it."""
    bare = {each.name: each.default for each in fields(Vm)}
    return {key: value for key, value in vm.items() if value not in (bare[key], [], {}, None)}


def _json(path: Path, content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as err:
        raise InventoryFileError(
            f"not JSON: {err.msg}",
            hint="take the inventory again",
            position=Position(str(path), err.lineno, err.colno),
        ) from err


def _yaml(path: Path, content: bytes) -> Any:
    try:
        return parse_marked(
            content.decode("utf-8"), file=str(path), error=InventoryFileError, max_nodes=MAX_NODES
        ).data
    except UnicodeDecodeError as err:
        raise _error(path, "is not UTF-8 text", "take the inventory again") from err


def _inventory(path: Path, data: Any) -> Inventory:
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise _error(path, "is not an inventory of this version of v2s", "take the inventory again")
    try:
        vms = _vms_adapter().validate_python(data["vms"])
        taken_at = TypeAdapter(datetime).validate_python(data["taken_at"])
        unreadable = TypeAdapter(tuple[str, ...]).validate_python(data.get("unreadable", ()))
    except (ValidationError, KeyError) as err:
        first = (
            err.errors()[0] if isinstance(err, ValidationError) else {"loc": err.args, "msg": "is missing"}
        )
        key = ".".join(str(part) for part in first["loc"])
        hint = "take the inventory again"
        raise InventoryFileError(str(first["msg"]), hint=hint, position=Position(str(path), key=key)) from err
    return Inventory(vms, str(data.get("source", path.name)), taken_at, unreadable)


def _error(path: Path, title: str, hint: str) -> InventoryFileError:
    return InventoryFileError(title, hint=hint, position=Position(str(path)))


_COLUMNS: Mapping[str, Callable[[Vm], object]] = {
    "name": lambda vm: vm.name,
    "path": lambda vm: vm.path,
    "datacenter": lambda vm: vm.datacenter,
    "cluster": lambda vm: vm.cluster,
    "host": lambda vm: vm.host,
    "power_state": lambda vm: vm.power_state.value,
    "cpu_count": lambda vm: vm.cpu_count,
    "memory_mb": lambda vm: vm.memory_mb,
    "disk_count": lambda vm: len(vm.disks),
    "total_disk_gib": lambda vm: round(vm.total_disk_gib, 1),
    "used_gib": lambda vm: "" if vm.committed_bytes is None else round(vm.committed_bytes / GIB, 1),
    "os": lambda vm: vm.os_family.value,
    "guest_id": lambda vm: vm.guest_id,
    "guest_full_name": lambda vm: vm.guest_full_name,
    "firmware": lambda vm: vm.firmware.value,
    "tools_status": lambda vm: vm.tools_status,
    "guest_ip": lambda vm: vm.guest_ip,
    "networks": lambda vm: " ".join(vm.port_groups),
    "datastores": lambda vm: " ".join(vm.datastores),
    "snapshots": lambda vm: len(vm.snapshots),
    "tags": lambda vm: " ".join(vm.tags),
    "moref": lambda vm: vm.moref,
    "instance_uuid": lambda vm: vm.instance_uuid,
}


def _csv_text(inventory: Inventory) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_spreadsheet_safe(cell(vm)) for cell in _COLUMNS.values()] for vm in inventory)
    return out.getvalue()


def _spreadsheet_safe(value: object) -> object:
    """A leading `=`, `+`, `-` or `@` in a name must not become a formula where the file is opened."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


_WRITERS: Mapping[str, Callable[[Inventory], str]] = {
    "json": _json_text,
    "yaml": _yaml_text,
    "csv": _csv_text,
}
