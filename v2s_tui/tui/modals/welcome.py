"""The first start without a configuration: what to write and where, or how to try it without a vCenter."""

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from v2s_tui.tui.modals.text_view import TextView

TEMPLATE = """\
vmware:
  vcenter: vcenter.example.com
  username: migration@vsphere.local
  password_env: VCENTER_PASSWORD        # or password_file: PATH; never the password itself
scaleway:
  access_key_env: SCW_ACCESS_KEY
  secret_key_env: SCW_SECRET_KEY
  project_id: 00000000-0000-0000-0000-000000000000
  default_zone: fr-par-1
  s3_region: fr-par
  s3_bucket: vmware-migration-transit
conversion:
  work_dir: /var/lib/v2s/work           # room for the largest disks of a wave
"""
_LINES = (
    "v2s found no configuration: it needs to know your vCenter and your Scaleway project.",
    "",
    "Try it first without either:  quit with q, then   v2s demo",
    "A vCenter, Object Storage and a Scaleway API start on this host, with twelve VMs to migrate.",
    "",
    "For the real thing write migration.yaml here, or into ~/.config/v2s/ ; w writes this file:",
    "",
    *TEMPLATE.splitlines(),
    "",
    "Then   v2s doctor   checks tools, connections, rights and quotas, each with its fix.",
)


class Welcome(TextView):
    """Shown once at a start without configuration."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "write", "Write migration.yaml")]
    KEYS = "w write migration.yaml   y copy   esc look around"

    def __init__(self, folder: Path) -> None:
        """folder: where migration.yaml would be written."""
        super().__init__("Welcome to v2s", _LINES)
        self._path = folder / "migration.yaml"

    def action_write(self) -> None:
        """Write the template; never over a file."""
        try:
            with self._path.open("x", encoding="utf-8") as file:
                file.write(TEMPLATE)
        except FileExistsError:
            self.notify(f"{self._path} exists already", severity="warning", timeout=8, markup=False)
            return
        except OSError as error:
            self.notify(f"{self._path}: {error.strerror}", severity="error", timeout=15, markup=False)
            return
        self.notify(f"written: {self._path}. Fill it in and start v2s again", timeout=15, markup=False)
