"""How to reach Object Storage and as whom. Plain data; the secret never leaves this object by repr."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StorageAccess:
    """endpoint: `https://s3.fr-par.scw.cloud`. ca_file: None for the system's certificates; insecure: verify
    nothing.

    storage_class: of uploaded objects, "" for the bucket's own; where the server refuses it the bucket's own
    is taken. Transit data needs no second copy, so One Zone is the cheaper default (reference: scaleway.md
    2.3). part_threads: parts of one file sent at once. attempts: of a control call.
    """

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    ca_file: Path | None = None
    insecure: bool = False
    storage_class: str = "ONEZONE_IA"
    part_threads: int = 4
    attempts: int = 6
    connect_seconds: float = 10.0
    read_seconds: float = 120.0

    @property
    def verify(self) -> bool | str:
        """What botocore and requests want to know about certificates."""
        if self.insecure:
            return False
        return str(self.ca_file) if self.ca_file else True
