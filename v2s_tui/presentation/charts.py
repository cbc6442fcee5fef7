"""Bars and areas as characters: with block elements where a screen can draw them, else in plain ASCII."""

from collections.abc import Sequence
from dataclasses import dataclass

ROWS = 4
"""Height of an area chart."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Characters to draw with. levels: from an empty cell to a full one. line: a waterline's cell."""

    full: str
    rest: str
    wait: str
    levels: str
    line: str


ASCII_SIGNS = Signs(full="#", rest="-", wait=".", levels=" .:#", line="-")
BLOCK_SIGNS = Signs(full="█", rest="─", wait="·", levels=" ▁▂▃▄▅▆▇█", line="╌")


def bar(share: float, width: int, signs: Signs = ASCII_SIGNS) -> str:
    """`####----` of that width; share from 0.0 to 1.0."""
    filled = round(max(0.0, min(1.0, share)) * width)
    return signs.full * filled + signs.rest * (width - filled)


def area(heights: Sequence[float], signs: Signs, *, waterline: float | None = None) -> list[str]:
    """An area chart of ROWS lines, the highest first. heights, waterline: 0.0 is nothing, 1.0 the top.

    The waterline shows wherever the area leaves its row free.
    """
    water_row = None if waterline is None else min(ROWS - 1, int(waterline * ROWS))
    return [
        "".join(_cell(height * ROWS - row, signs, water=row == water_row) for height in heights).rstrip()
        for row in reversed(range(ROWS))
    ]


def _cell(filled: float, signs: Signs, *, water: bool) -> str:
    steps = len(signs.levels) - 1
    level = round(max(0.0, min(1.0, filled)) * steps)
    return signs.line if water and level == 0 else signs.levels[level]
