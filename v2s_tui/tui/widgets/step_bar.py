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
    """The bar as text: full titles where they fit, else numbers and the current title; the source at the
    right.
    """
    for short in (False, True):
        text = Text(no_wrap=True)
        for number, step in enumerate(STEPS, start=1):
            fact = facts.get(step, StepFacts())
            title = _TITLES[step] if not short or step == current else _TITLES[step][:4]
            label = f" {number} {title}" + (f" {fact.fact}" if fact.fact and not short else "") + " "
            style = "reverse bold" if step == current else "bold" if fact.alarm else "dim"
            text.append(label, style)
        if text.cell_len <= width:
            break
    room = width - text.cell_len - 1
    if room > 8 and source:
        shown = source if len(source) <= room else source[: room - 1] + "~"
        text.append(" " * (room - len(shown)) + shown, "dim")
    return text


class StepBar(Static):
    """Shows `step_bar_text`; the screen gives it the facts."""

    def show(self, current: str, facts: dict[str, StepFacts], source: str) -> None:
        """Draw anew."""
        self.update(step_bar_text(current, facts, source, self.size.width or 80))
