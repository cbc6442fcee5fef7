"""What the API's handlers share: the account, the resources, the catalogue, the buckets, the disks."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from v2s_tui.lab.machines.keeper import Machines
from v2s_tui.lab.objectstorage.reader import BucketReader
from v2s_tui.lab.scaleway.answers import permissions_denied, quotas_exceeded
from v2s_tui.lab.scaleway.catalogue import Catalogue
from v2s_tui.lab.scaleway.imports import Importer
from v2s_tui.lab.scaleway.store import ResourceStore

ZONES = (
    "fr-par-1", "fr-par-2", "fr-par-3", "nl-ams-1", "nl-ams-2", "nl-ams-3", "pl-waw-1", "pl-waw-2",
    "pl-waw-3", "it-mil-1",
)  # fmt: skip
REGIONS = ("fr-par", "nl-ams", "pl-waw", "it-mil")


@dataclass
class Account:
    """The one organization that the lab serves, its key, its quotas and what is out of stock.

    projects: id -> name, the first is the key's own. quotas: name -> limit where it is not the default.
    stock: `zone/TYPE` -> available | scarce | shortage where it is not the catalogue's.
    """

    organization_id: str
    access_key: str
    secret_key: str
    projects: dict[str, str]
    quotas: dict[str, int] = field(default_factory=dict)
    stock: dict[str, str] = field(default_factory=dict)

    def project(self, project_id: str | None) -> str:
        """The id itself if it is one of ours, the first project for None. Raises a 403 refusal."""
        if project_id is None:
            return next(iter(self.projects))
        if project_id not in self.projects:
            raise permissions_denied("project", "read")
        return project_id


@dataclass
class World:
    """Everything a handler may touch. folder: where raw disks and `settings.json` lie.

    machines: what really boots Instances, None where powering on is a change of state only. loopback: the
    lab's own network on loopback then, `127.A.B`.
    """

    account: Account
    store: ResourceStore
    catalogue: Catalogue
    objects: BucketReader
    importer: Importer
    folder: Path
    machines: Machines | None = None
    loopback: str = ""

    def raw_path(self, kind: str, resource_id: str) -> Path:
        """Where the content of a snapshot or volume lies."""
        folder = self.folder / f"{kind}s"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{resource_id}.raw"

    def check_quota(self, name: str, *, wanted: int, current: int) -> None:
        """Raises a 403 refusal when `wanted` more would be too many."""
        limit = self.quota(name)
        if current + wanted > limit:
            raise quotas_exceeded(name, limit, current)

    def quota(self, name: str) -> int:
        """How many of these the organization may have."""
        return self.account.quotas.get(name, DEFAULT_QUOTAS.get(name, DEFAULT_TYPE_QUOTA))

    def load_settings(self) -> None:
        """Take over the quotas and the stock that were set in an earlier life of this lab."""
        if self._settings_file.exists():
            self.change_settings(json.loads(self._settings_file.read_text()))

    def change_settings(self, settings: dict[str, Any]) -> None:
        """Set quotas and stock, as tests do to bring about a refusal."""
        self.account.quotas |= settings.get("quotas", {})
        self.account.stock |= settings.get("stock", {})
        fresh = self._settings_file.with_suffix(".new")
        fresh.write_text(json.dumps({"quotas": self.account.quotas, "stock": self.account.stock}))
        os.replace(fresh, self._settings_file)

    @property
    def _settings_file(self) -> Path:
        return self.folder / "settings.json"


DEFAULT_TYPE_QUOTA = 2000
"""Instances per type: ample, so that large rehearsals pass; real defaults are 1 to 20 (scaleway.md 2.3)."""

DEFAULT_QUOTAS = {
    "sbs_volumes": 50_000,
    "sbs_volumes_total_size_gb": 2_000_000,
    "sbs_snapshots": 99_999,
    "instance_images": 99_999,
    "instance_ips": 500,
    "instance_security_groups": 99_999,
    "vpc_private_networks": 255,
}
"""Quota names of the real API are not recorded anywhere we could read; these are the lab's own."""


def type_quota_name(commercial_type: str) -> str:
    """Name of the quota on Instances of one type."""
    return "cp_servers_type_" + commercial_type.replace("-", "_")
