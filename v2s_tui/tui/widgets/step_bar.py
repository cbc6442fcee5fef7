"""The line at the top: the six steps, where you are, and what each already has."""

from dataclasses import dataclass

from rich.text import Text
from textual.widgets import Static

STEPS = ("inventory", "sizing", "plan", "estimate", "run", "batches")
_TITLES = {
    "inventory": "Inventory",
    "sizing": "Sizing",
    "plan": "Plan",
    "estimate": "Estimate",
    "run": "Run",
    "batches": "Batches",
}


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What the bar says of one step: a few characters (`12`, `3 waves`, `!2`), "" when nothing is there
    yet.
    """

    fact: str = ""
    alarm: bool = False


def step_bar_text(current: str, facts: dict[str, StepFacts], source: str, width: int) -> Text:
    """The bar as text; the source at the right where there is room.

    Narrower, it gives up facts that are no alarm, then all facts but the current step's, then long titles.
    """
    for level in range(4):
        text = _steps(current, facts, level)
        if text.cell_len <= width:
            break
    room = width - text.cell_len - 1
    if room > 8 and source:
        shown = source if len(source) <= room else source[: room - 1] + "~"
        text.append(" " * (room - len(shown)) + shown, "dim")
    return text


def _steps(current: str, facts: dict[str, StepFacts], level: int) -> Text:
    """level: 0 everything, 1 alarms and the current fact, 2 alarms only, 3 numbers with short titles."""
    text = Text(no_wrap=True)
    for number, step in enumerate(STEPS, start=1):
        fact = facts.get(step, StepFacts())
        wanted = level == 0 or (level < 3 and fact.alarm) or (level == 1 and step == current)
        title = _TITLES[step] if level < 3 or step == current else _TITLES[step][:4]
        label = f" {number} {title}" + (f" {fact.fact}" if fact.fact and wanted else "") + " "
        text.append(label, "reverse bold" if step == current else "bold" if fact.alarm else "dim")
    return text


class StepBar(Static):
    """Shows `step_bar_text`; the screen gives it the facts."""

    def show(self, current: str, facts: dict[str, StepFacts], source: str) -> None:
        """Draw anew."""
        self.update(step_bar_text(current, facts, source, self.size.width or 80))
