"""How to reach the Scaleway API and as whom. Plain data; the secret never leaves this object by repr."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ScalewayAccess:
    """api_url without a trailing slash. ca_file: None for the system's certificates; insecure: verify
    nothing.

    organization_id: "" when unknown (quotas are then asked for the key's own). rate: highest requests per
    second; the service answers 429 above some unpublished figure (reference: scaleway.md 2.3).
    """

    access_key: str
    secret_key: str = field(repr=False)
    project_id: str
    organization_id: str = ""
    api_url: str = "https://api.scaleway.com"
    ca_file: Path | None = None
    insecure: bool = False
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    rate: float = 10.0

    @property
    def verify(self) -> bool | str:
        """What requests wants to know about certificates."""
        if self.insecure:
            return False
        return str(self.ca_file) if self.ca_file else True
