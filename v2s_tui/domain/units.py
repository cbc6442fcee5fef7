"""Sizes, durations, rates and money as text, and back.

Sizes: GiB for what VMware allocates, GB (10^9) for what Scaleway bills. Nothing here rounds a value that is
computed with; only text is rounded.
"""

import re

from v2s_tui.domain.errors import InputError

KIB = 1024
MIB = 1024**2
GIB = 1024**3
TIB = 1024**4
GB = 10**9
TB = 10**12
HOURS_PER_MONTH = 730
"""Scaleway's monthly price of an Instance type is 730 hours (reference: products/servers `monthly_price`)."""

_BINARY_STEPS = ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"))
_SUFFIXES = {
    "": 1, "b": 1, "k": KIB, "kib": KIB, "kb": 10**3, "m": MIB, "mib": MIB, "mb": 10**6,
    "g": GIB, "gib": GIB, "gb": GB, "t": TIB, "tib": TIB, "tb": TB,
}  # fmt: skip


def format_bytes(size_bytes: float) -> str:
    """`1536` as `1.5 KiB`; below 1 KiB whole bytes."""
    for step, name in _BINARY_STEPS:
        if size_bytes >= step:
            value = size_bytes / step
            return f"{value:.0f} {name}" if value >= 100 else f"{value:.1f} {name}"
    return f"{size_bytes:.0f} B"


def format_rate(bytes_per_second: float) -> str:
    """Transfer rate as text, `12.3 MiB/s`."""
    return f"{format_bytes(bytes_per_second)}/s"


def format_duration(seconds: float) -> str:
    """`75` as `1m15s`, `4000` as `1h06m`, below ten seconds with one decimal."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def counted(number: int, noun: str) -> str:
    """`1 wave`, `2 waves`, `12,345 VMs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def format_eur(amount: float) -> str:
    """Euros excluding VAT, two decimals."""
    return f"EUR {amount:,.2f}"


def parse_size_bytes(text: str) -> int:
    """`10G`, `512 MiB`, `1TB`, `42` (bytes) as bytes; a bare letter means the binary unit.

    Raises InputError for anything else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", text)
    factor = _SUFFIXES.get(match.group(2).lower()) if match else None
    if match is None or factor is None:
        raise InputError(f"{text!r} is not a size", hint="write a number with KiB, MiB, GiB, TiB, GB or TB")
    return int(float(match.group(1)) * factor)
