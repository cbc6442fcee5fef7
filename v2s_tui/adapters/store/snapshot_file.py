"""The snapshot of a state: an ordinary TinyDB JSON file with one more table, `_meta`.

`_meta` holds the generation (which journal belongs to it), the number of the last commit in it, and a CRC of
the rest. Stock TinyDB opens the file and ignores nothing it needs.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from v2s_tui.domain.errors import StateError
from v2s_tui.system.files import write_atomically

META_TABLE = "_meta"


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """Tables with integer ids, and what belongs to them."""

    tables: dict[str, dict[int, Any]]
    generation: int
    sequence: int


def write_snapshot(path: Path, snapshot: SnapshotFile) -> None:
    """Replace the snapshot atomically; raises OSError."""
    plain = {
        name: {str(key): document for key, document in sorted(table.items())}
        for name, table in snapshot.tables.items()
    }
    body = orjson.dumps(plain)
    meta = {
        "generation": snapshot.generation,
        "sequence": snapshot.sequence,
        "crc": zlib.crc32(body),
    }
    head = b'{"' + META_TABLE.encode() + b'":{"1":' + orjson.dumps(meta) + b"}"
    write_atomically(path, head + (b"," if plain else b"") + body[1:])


def read_snapshot(path: Path) -> SnapshotFile:
    """The snapshot at path. A file that stock TinyDB wrote (no `_meta`) is generation 0.

    Raises FileNotFoundError, and StateError when it is damaged or was changed by other software.
    """
    try:
        data = orjson.loads(path.read_bytes())
        meta = data.pop(META_TABLE, {"1": {}})["1"]
        tables = {
            name: {int(key): document for key, document in table.items()} for name, table in data.items()
        }
    except (orjson.JSONDecodeError, ValueError, KeyError, AttributeError) as err:
        raise StateError(f"{path.name} is no state file", hint="restore it from a backup") from err
    if "crc" in meta and zlib.crc32(orjson.dumps(data)) != meta["crc"]:
        raise StateError(
            f"{path.name} does not match its checksum",
            hint="it was damaged, or changed by other software; restore it from a backup",
        )
    return SnapshotFile(tables, meta.get("generation", 0), meta.get("sequence", 0))


def journal_path(path: Path, generation: int) -> Path:
    """The journal that belongs to a snapshot of that generation."""
    return path.with_name(f"{path.name}.journal.{generation}")
