"""One line of evidence about what stands at Scaleway."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, whether it is as planned, and what was found."""

    what: str
    good: bool
    found: str

    def __str__(self) -> str:
        return f"{'ok' if self.good else 'WRONG'} {self.what}: {self.found}"
