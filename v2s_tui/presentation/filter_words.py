"""The word being typed in a filter: how it is completed, and what it means before it is finished; pure.

A piece of a name finds every VM that holds it; a key without a value yet, or a value that begins right, is no
mistake but a word on its way.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from v2s_tui.domain.source.filters_keys import ALIASES, KEYS, Kind
from v2s_tui.domain.source.filters_terms import quoted

_BARE_WORD = re.compile(r"(?<!\S)(!?)([^\s:\"@/*?\[\]!][^\s:\"*?\[\]]*)(?!\S)")
_LAST_WORD = re.compile(r'(?<!\S)!?(?:[A-Za-z_]+:"[^"]*|\S*)$')
MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Completion:
    """word: what the last word would become. label: the new part. count: VMs with it, None for keys."""

    word: str
    label: str
    count: int | None = None


def found_anywhere(text: str) -> str:
    """The filter with every bare word as `*word*`: whoever types a piece of a name means to find it."""
    return _BARE_WORD.sub(r"\1*\2*", text)


def last_word(text: str) -> tuple[str, str]:
    """What stands before the word being typed, and that word ("" after a blank)."""
    match = _LAST_WORD.search(text)
    start = match.start() if match else len(text)
    return text[:start], text[start:]


def completions(word: str, values: Mapping[str, Sequence[tuple[str, int]]]) -> list[Completion]:
    """Keys, values of its key, or filters kept by name (`@`), that begin as the word does.

    values: by key, with the VMs that have each; under `@` the names kept.
    """
    bang = "!" if word.startswith("!") else ""
    if word.startswith("@"):
        names = [name for name, _ in values.get("@", ()) if name.startswith(word[1:])]
        return [Completion(f"@{name}", f"@{name}") for name in names]
    key, colon, start = word.removeprefix("!").partition(":")
    if not colon:
        names = [name for name in KEYS if key and name.startswith(key)]
        return [Completion(f"{bang}{name}:", f"{name}:") for name in names]
    start = start.removeprefix('"').lower()
    found = [each for each in values.get(ALIASES.get(key, key), ()) if each[0].lower().startswith(start)]
    return [Completion(f"{bang}{key}:{quoted(value)}", value, count) for value, count in found]


def on_its_way(word: str, values: Mapping[str, Sequence[tuple[str, int]]]) -> str:
    """What the unfinished word can become, as a line; "" when nothing right begins like that."""
    if word.startswith("@"):
        names = [each.label for each in completions(word, values)]
        return "  ".join(["kept:", *names[:MOST_SHOWN]]) if names else ""
    key, colon, start = word.removeprefix("!").partition(":")
    known = KEYS.get(ALIASES.get(key, key))
    if not colon or known is None:
        return ""
    found = completions(word, values)
    if found:
        shown = "  ".join(f"{each.label} {each.count:,}" for each in found[:MOST_SHOWN])
        return f"{key}: {shown}" + (
            f"  and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
        )
    begins_a_number = known.kind is not Kind.TEXT and start in {"", ">", "<", ">=", "<=", "="}
    return f"{key}: {known.help}" if not start or begins_a_number else ""
