"""Registry edits as plain data: which values a key shall have. Source of the types: winnt.h."""

import struct
from dataclasses import dataclass
from enum import IntEnum


class ValueKind(IntEnum):
    """Types of registry values."""

    SZ = 1
    EXPAND_SZ = 2
    BINARY = 3
    DWORD = 4
    MULTI_SZ = 7


@dataclass(frozen=True, slots=True)
class RegistryValue:
    """One value; the default value of a key has the name ""."""

    name: str
    kind: ValueKind
    data: bytes


@dataclass(frozen=True, slots=True)
class RegistryEdit:
    """Values that a key shall have; the key is made when it is missing. key: path with backslashes."""

    hive: str
    key: str
    values: tuple[RegistryValue, ...]
    reason: str


def text(name: str, value: str, *, expand: bool = False) -> RegistryValue:
    """A string; with expand one that names environment variables."""
    kind = ValueKind.EXPAND_SZ if expand else ValueKind.SZ
    return RegistryValue(name, kind, value.encode("utf-16-le") + b"\0\0")


def strings(name: str, *values: str) -> RegistryValue:
    """A list of strings."""
    return RegistryValue(
        name, ValueKind.MULTI_SZ, "".join(f"{value}\0" for value in values).encode("utf-16-le") + b"\0\0"
    )


def number(name: str, value: int) -> RegistryValue:
    """A 32-bit number."""
    return RegistryValue(name, ValueKind.DWORD, struct.pack("<I", value))


def binary(name: str, data: bytes) -> RegistryValue:
    """Bytes."""
    return RegistryValue(name, ValueKind.BINARY, data)


def as_text(data: bytes) -> str:
    """A string value as text."""
    return data.decode("utf-16-le", "replace").split("\0")[0]


def as_texts(data: bytes) -> tuple[str, ...]:
    """A list of strings."""
    return tuple(each for each in data.decode("utf-16-le", "replace").split("\0") if each)


def as_number(data: bytes) -> int:
    """A 32-bit value as a number; 0 when it is shorter."""
    return int.from_bytes(data[:4], "little")
