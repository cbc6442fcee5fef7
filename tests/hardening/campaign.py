"""Mutation campaigns: many damaged inputs, each must be taken or refused in words; anything else is a bug."""

import copy
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from v2s_tui.domain.errors import V2sError

STRANGE_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\0",
    "a" * 5000,
    "../../etc",
    "*",
    "[",
    "**/[!",
    "(?P<x>",
    "\u202e",
    "\ud7ff",
    "{}",
    "!!python/object",
    [],
    {},
    [[]],
    {"a": {"b": []}},
    [None],
    {"": ""},
    "2026-13-45",
    "25:61",
    "1e999",
    "0x10",
    "yes",
    b"bytes",
)


@dataclass
class Campaign:
    """Counts what became of each input. refusals: the errors that may refuse one."""

    refusals: tuple[type[Exception], ...] = (V2sError,)
    counted: Counter[str] = field(default_factory=Counter)

    def feed(self, read: Callable[[], Any]) -> Any:
        """Read one input; None when it was refused. A refusal has words, and never a Python object's."""
        try:
            result = read()
        except self.refusals as refusal:
            self._judge(refusal)
            return None
        self.counted["taken"] += 1
        return result

    def _judge(self, refusal: Exception) -> None:
        assert str(refusal).strip()
        assert " object at 0x" not in str(refusal)
        self.counted[f"refused as {type(refusal).__name__}"] += 1

    def report(self, name: str) -> None:
        """Print the counts, for the record."""
        total = sum(self.counted.values())
        print(
            f"{name}: {total} inputs, " + ", ".join(f"{n} {what}" for what, n in self.counted.most_common())
        )


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every value in nested lists and dicts."""
    yield path
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        yield from places(value, (*path, key))


def mutated(data: Any, chance: random.Random) -> Any:
    """A copy in which one to three values are replaced, removed, repeated or renamed."""
    changed = copy.deepcopy(data)
    for _ in range(chance.randint(1, 3)):
        *parents, last = chance.choice(list(places(changed))[1:] or [(None,)])
        parent = changed
        for key in parents:
            parent = parent[key]
        if last is None or not isinstance(parent, dict | list):
            return chance.choice(STRANGE_VALUES)
        _damage(parent, last, chance)
    return changed


def _damage(parent: Any, key: Any, chance: random.Random) -> None:
    way = chance.randrange(4)
    if way == 0:
        parent[key] = chance.choice(STRANGE_VALUES)
    elif way == 1:
        del parent[key]
    elif way == 2 and isinstance(parent, dict):
        parent[f"{key}{chance.choice('xX_ .')}"] = parent.pop(key)
    else:
        parent[key] = [copy.deepcopy(parent[key])] * chance.choice((2, 50))


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    """A copy with bytes flipped, a piece cut out, repeated or replaced by noise, or the end missing."""
    content = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not content:
            break
        start = chance.randrange(len(content))
        piece = slice(start, start + chance.randint(1, 40))
        way = chance.randrange(5)
        if way == 0:
            content[start] ^= 1 << chance.randrange(8)
        elif way == 1:
            del content[piece]
        elif way == 2:
            content[piece] = content[piece] * chance.choice((2, 30))
        elif way == 3:
            content[piece] = chance.randbytes(chance.randint(1, 40))
        else:
            del content[start:]
    return bytes(content)
