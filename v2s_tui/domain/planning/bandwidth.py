"""A ceiling on what leaves for Object Storage, by time of day: `300Mbit/s 08:00-19:00, 2Gbit/s`.

The first rule whose hours hold decides; a rule without hours always holds; without any, there is no ceiling.
Hours are those of the conversion host's clock and may pass midnight (`22:00-06:00`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time

from v2s_tui.domain.errors import InputError

_BITS = {"k": 10**3, "m": 10**6, "g": 10**9}
_RULE = re.compile(
    r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>[kmg])(?:bit(?:/s)?|bps)"
    r"(?:\s+(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RateRule:
    """bytes_per_second within the hours; start and end are None for the whole day."""

    bytes_per_second: float
    start: time | None = None
    end: time | None = None

    def holds_at(self, now: time) -> bool:
        """True within the hours, the end left out."""
        if self.start is None or self.end is None:
            return True
        if self.start <= self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """Rules in the order in which they were written."""

    rules: tuple[RateRule, ...] = ()

    def bytes_per_second(self, now: time) -> float:
        """The ceiling at that time of day, 0.0 for none."""
        return next((rule.bytes_per_second for rule in self.rules if rule.holds_at(now)), 0.0)


def parse_rates(texts: Iterable[str]) -> RateSchedule:
    """Rules as people write them; several may stand in one text, separated by commas. Raises InputError."""
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    return RateSchedule(tuple(_rule(part) for part in parts))


def _rule(text: str) -> RateRule:
    match = _RULE.fullmatch(text)
    if match is None or float(match["value"]) <= 0:
        raise InputError(f"{text!r} is not a rate", hint="write for example 300Mbit/s 08:00-19:00")
    start, end = (_time(match[name], text) if match[name] else None for name in ("start", "end"))
    return RateRule(float(match["value"]) * _BITS[match["unit"].lower()] / 8, start, end)


def _time(text: str, rule: str) -> time:
    hour, _, minute = text.partition(":")
    try:
        return time(int(hour), int(minute))
    except ValueError as err:
        raise InputError(f"{text} in {rule!r} is not a time of day", hint="write 08:00-19:00") from err
