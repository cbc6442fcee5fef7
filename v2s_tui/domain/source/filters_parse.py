"""Filter text to terms; every mistake points at its character (columns count from 1)."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from v2s_tui.domain.errors import FilterError, InputError, Position
from v2s_tui.domain.source.filters_keys import ALIASES, KEYS, Key, Kind
from v2s_tui.domain.source.filters_terms import Comparison, Operator, Term, looks_numeric
from v2s_tui.domain.units import parse_size_bytes

_COMPARISON = re.compile(r"(>=|<=|>|<|==?)?(.*)", re.DOTALL)
_KEY = re.compile(r"([A-Za-z_]+):")


@dataclass(frozen=True, slots=True)
class Token:
    """One word: its key ("" for a bare word) and value, and the columns where the two begin."""

    key: str
    value: str
    negated: bool
    column: int
    value_column: int
    in_quotes: bool


def filter_error(title: str, column: int, hint: str = "") -> FilterError:
    """A mistake in a filter at this column."""
    return FilterError(title, hint=hint, position=Position("filter", None, column))


def parse_terms(text: str) -> tuple[Term, ...]:
    """All terms of a filter text in the order written. Raises FilterError."""
    return tuple(_term(token) for token in _tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _token(text, at)
        yield token


def _token(text: str, start: int) -> tuple[Token, int]:
    negated = text[start] == "!"
    at = start + negated
    key_match = _KEY.match(text, at)
    key = key_match.group(1) if key_match else ""
    value_start = key_match.end() if key_match else at
    value, end, in_quotes = _value(text, value_start)
    if not value:
        raise filter_error(
            "nothing to look for", start + 1, f"write a value after {text[start:value_start]!r}"
        )
    return Token(key, value, negated, at + 1, value_start + 1, in_quotes), end


def _value(text: str, start: int) -> tuple[str, int, bool]:
    if not text.startswith('"', start):
        end = next((at for at in range(start, len(text)) if text[at].isspace()), len(text))
        return text[start:end], end, False
    found: list[str] = []
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += text[at] == "\\" and at + 1 < len(text)
        found.append(text[at])
        at += 1
    if at >= len(text):
        raise filter_error("the quote is not closed", start + 1, 'end it with "')
    if at + 1 < len(text) and not text[at + 1].isspace():
        raise filter_error("a blank is missing after the quote", at + 2)
    return "".join(found), at + 1, True


def _term(token: Token) -> Term:
    key = _key(token)
    value: str | Comparison = token.value
    if key.kind is Kind.NUMBER or (
        key.kind is Kind.BOTH and not token.in_quotes and looks_numeric(token.value)
    ):
        value = _comparison(key, token)
    try:
        key.test(value)
    except ValueError as err:
        raise filter_error(f"{key.name}:{token.value} cannot be", token.value_column, str(err)) from err
    return Term(key.name, value, token.negated)


def _key(token: Token) -> Key:
    name = token.key.lower() or "name"
    found = KEYS.get(ALIASES.get(name, name))
    if found:
        return found
    names = [*KEYS, *ALIASES]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}:?" if near else f"known keys: {', '.join(names)}"
    raise filter_error(f"unknown key {token.key!r}", token.column, hint)


def _comparison(key: Key, token: Token) -> Comparison:
    low, dots, high = token.value.partition("..")
    if dots:
        first, last = _number(key, low, token), _number(key, high, token)
        if first > last:
            raise filter_error("the range is empty", token.value_column, f"write {key.name}:{high}..{low}")
        return Comparison(Operator.RANGE, first, last)
    match = _COMPARISON.fullmatch(token.value)
    sign, rest = match.groups() if match else ("", token.value)
    operator = Operator.EQUAL if sign in {None, "", "=="} else Operator(sign)
    return Comparison(operator, _number(key, rest, token))


def _number(key: Key, text: str, token: Token) -> float:
    try:
        if not re.fullmatch(r"\s*\d{1,15}(\.\d{1,9})?\s*", text):
            return _size(key, text)
        return float(text)
    except (InputError, ValueError) as err:
        column = token.value_column + max(token.value.find(text), 0)
        hint = f"write {key.name}:>=4, {key.name}:<8, {key.name}:2..8 or {key.name}:4"
        raise filter_error(f"{text!r} is not a number", column, hint) from err


def _size(key: Key, text: str) -> float:
    if key.unit_bytes == 1 or not re.fullmatch(r"\s*\d{1,15}(\.\d{1,9})?\s*[A-Za-z]+\s*", text):
        raise ValueError(text)
    return parse_size_bytes(text) / key.unit_bytes
