"""Values as vSphere sends them, and typed looks into them. Unknown or absent is "", None or empty, never an
error: one odd VM must not blank a list.

A value is text, a reference, a dict of a data object's parts (its type under `@type`), or a list of values
where a part repeats.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

TYPE = "@type"


class Ref(NamedTuple):
    """A managed object reference: kind `VirtualMachine`, id `vm-12`."""

    kind: str
    id: str


Value = str | Ref | dict[str, "Value"] | list["Value"]
Parts = dict[str, Value]


_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_BLANKS = re.compile(r"[\t\r\n\x0b\x0c\u2028\u2029]+")
_ESCAPE = re.compile("%(25|2f|5c)", re.IGNORECASE)
_ESCAPED = {"25": "%", "2f": "/", "5c": "\\"}


_REFERENCE = re.compile("&[^;]*;")
_CHARACTERS = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}


def unescaped(text: str) -> str:
    """XML text with its character references (`&lt;`, `&#233;`) resolved."""
    return _REFERENCE.sub(lambda found: _character(found[0]), text)


def _character(reference: str) -> str:
    if reference in _CHARACTERS:
        return _CHARACTERS[reference]
    digits = reference[2:-1]
    return chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits))


def clean(text: str) -> str:
    """The text without control and bidirectional-override characters; line ends and tabs become blanks."""
    if text.isprintable():
        return text
    return _UNPRINTABLE.sub("", _BLANKS.sub(" ", text))


def decoded_name(text: str) -> str:
    """An entity's name as people write it. vSphere escapes `%`, `/` and `\\` in names, and nothing else."""
    return clean(_ESCAPE.sub(lambda found: _ESCAPED[found[1].lower()], text) if "%" in text else text)


def text_of(value: Value | None) -> str:
    """The text of a leaf, cleaned; "" for anything else."""
    return clean(value) if isinstance(value, str) else ""


def number_of(value: Value | None, default: int = 0) -> int:
    """The whole number of a leaf."""
    try:
        return int(value) if isinstance(value, str) else default
    except ValueError:
        return default


def flag_of(value: Value | None) -> bool | None:
    """xsd:boolean; None when it is not one."""
    return (
        {"true": True, "1": True, "false": False, "0": False}.get(value) if isinstance(value, str) else None
    )


def moref_of(value: Value | None) -> str:
    """The id of a reference, "" where there is none."""
    return value.id if isinstance(value, Ref) else value if isinstance(value, str) else ""


def parts_of(value: Value | None) -> Parts:
    """The parts of a data object; none for anything else."""
    return value if isinstance(value, dict) else {}


def many(value: Value | None) -> list[Value]:
    """A part that may repeat, as a list."""
    return value if isinstance(value, list) else [] if value is None or value == "" else [value]


def items_of(value: Value | None) -> list[Value]:
    """The elements of an `ArrayOf...` value, whatever the elements are called."""
    parts = parts_of(value)
    return [item for name, part in parts.items() if name != TYPE for item in many(part)]


def kind_of(value: Value | None) -> str:
    """The xsi:type a data object was sent with, without prefix; "" where it came with none."""
    kind = value.get(TYPE) if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def moment_of(value: Value | None) -> datetime | None:
    """xsd:dateTime, timezone aware (UTC where it names none)."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
