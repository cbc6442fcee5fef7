"""A wave's window as an operator types it: `FROM .. UNTIL`, either end may be left out."""

from datetime import datetime


def parse_window(text: str) -> tuple[datetime | None, datetime | None]:
    """Both ends; a moment without an offset is in this host's zone. Raises ValueError."""
    begin, dots, end = text.partition("..")
    if not dots and text.strip():
        raise ValueError("write FROM .. UNTIL, with two dots between")
    window = _moment(begin), _moment(end)
    if window[0] and window[1] and window[0] >= window[1]:
        raise ValueError("it must open before it closes")
    return window


def _moment(text: str) -> datetime | None:
    written = text.strip()
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as err:
        raise ValueError(f"{written!r} is no moment such as 2026-05-01T22:00") from err
    return moment if moment.tzinfo else moment.astimezone()


def window_problem(text: str) -> str:
    """What is wrong with it, "" when nothing is."""
    try:
        parse_window(text)
    except ValueError as err:
        return str(err)
    return ""


def written_window(begin: datetime | None, end: datetime | None) -> str:
    """The text that parses to these ends; "" when both are open."""
    if begin is None and end is None:
        return ""
    return " .. ".join(each.isoformat(timespec="minutes") if each else "" for each in (begin, end)).strip()
