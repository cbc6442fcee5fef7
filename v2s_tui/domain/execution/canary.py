"""Whether an importer was seen to read grains that pass through unmodified, where, and when.

Such grains use deflate distances beyond what qcow2's window promises: QEMU reads them, other readers may
not, and nobody outside knows which reader Scaleway has (reference: datapath.md 3.2). So they are sent only
where an import of such an image was compared with what went in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

VALID_DAYS = 90
"""An importer may be replaced without notice. Assumed."""
CANARY = "canary"
"""Stands for the batch in tags, and in front of the migration in keys."""


@dataclass(frozen=True, slots=True)
class Target:
    """An importer and where it reads from. region: `fr-par`. api_url, storage: endpoints."""

    region: str
    api_url: str
    storage: str

    @property
    def name(self) -> str:
        """One line."""
        return f"{self.region} {self.api_url} {self.storage}"


@dataclass(frozen=True, slots=True)
class CanaryRecord:
    """One canary. id: part of the name and tag of everything it made. passed: None while it runs, or where it
    was killed. detail: what was found, for people.
    """

    id: str
    begun_at: datetime
    passed: bool | None = None
    detail: str = ""

    def proves(self, now: datetime) -> bool:
        """True when unmodified grains may be sent today."""
        return bool(self.passed) and now - self.begun_at <= timedelta(days=VALID_DAYS)

    @property
    def tag(self) -> str:
        """On what it makes at Scaleway: `v2s leftovers` finds it."""
        return f"v2s:{CANARY}:{self.id}"

    def key(self, part: str) -> str:
        """Where it puts an object into the transit bucket."""
        return f"migrations/{CANARY}-{self.id}/{part}.qcow2"
