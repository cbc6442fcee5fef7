"""The append-only journal beside a state snapshot: one CRC'd line for each commit.

A line is `length crc payload`: eight hex digits of the payload's length, eight of the CRC-32 over length and
payload, the payload (`[sequence, [[table, id, document or null], ...]]`, JSON without line breaks).

A crash can only cut the last line short: that line was never acknowledged and is dropped. Anything else that
does not check is damage, and reading refuses it: nothing acknowledged is lost silently.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.documents import Change

_PREFIX_BYTES = 18
_REPAIR = (
    "restore the state folder from a backup, or start the batch anew; `v2s leftovers` finds what it made"
)


@dataclass(frozen=True, slots=True)
class Journal:
    """What a journal file holds. good_bytes: length up to the end of the last whole line. torn: a cut line
    follows it. sequence: of the last commit.
    """

    commits: tuple[tuple[Change, ...], ...]
    good_bytes: int
    torn: bool
    sequence: int


def encode(sequence: int, changes: Sequence[Change]) -> bytes:
    """One line. Raises TypeError for a document that is not JSON, before anything is written."""
    payload = orjson.dumps([sequence, [[each.table, each.id, each.document] for each in changes]])
    length = b"%08x " % len(payload)
    return length + b"%08x " % zlib.crc32(length + payload) + payload + b"\n"


def decode(content: bytes, *, after: int, name: str) -> Journal:
    """All commits of a journal that begins after commit number `after`.

    Raises StateError when a line is damaged or a commit is missing.
    """
    commits: list[tuple[Change, ...]] = []
    position, sequence = 0, after
    while position < len(content):
        end = content.find(b"\n", position)
        if end < 0 and _is_cut(content[position:]):
            return Journal(tuple(commits), position, torn=True, sequence=sequence)
        line = content[position : end if end >= 0 else len(content)]
        number, changes = _decode_line(line, f"{name}, line {len(commits) + 1}")
        if end < 0 or number != sequence + 1:
            raise StateError(f"{name} is damaged after line {len(commits)}", hint=_REPAIR)
        commits.append(changes)
        position, sequence = end + 1, number
    return Journal(tuple(commits), position, torn=False, sequence=sequence)


def _is_cut(rest: bytes) -> bool:
    """True when the rest is the beginning of a line whose end is missing."""
    if len(rest) < _PREFIX_BYTES:
        return True
    try:
        length = int(rest[:8], 16)
    except ValueError:
        return False
    return len(rest) <= _PREFIX_BYTES + length and rest[8:9] == b" " and rest[17:18] == b" "


def _decode_line(line: bytes, place: str) -> tuple[int, tuple[Change, ...]]:
    payload = line[_PREFIX_BYTES:]
    expected = b"%08x " % len(payload)
    if line[:_PREFIX_BYTES] != expected + b"%08x " % zlib.crc32(expected + payload):
        raise StateError(f"{place} does not match its checksum", hint=_REPAIR)
    number, raw = orjson.loads(payload)
    return number, tuple(Change(table, key, document) for table, key, document in raw)


def apply_changes(tables: dict[str, dict[int, Any]], changes: Sequence[Change]) -> None:
    """Bring tables up to date with one commit. An id below 0 removes the whole table."""
    for each in changes:
        if each.id < 0:
            tables.pop(each.table, None)
        elif each.document is None:
            tables.setdefault(each.table, {}).pop(each.id, None)
        else:
            tables.setdefault(each.table, {})[each.id] = each.document
