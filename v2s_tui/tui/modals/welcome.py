"""The first start without a configuration: connect, try it on the lab, or write a file to fill in."""

from pathlib import Path
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

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
_LINES = """\
v2s moves virtual machines from a vCenter to Scaleway Instances.
It found no configuration yet. How do you want to begin?

  l   Try the lab: a vCenter, Object Storage and a Scaleway API
      start on this host, with twelve VMs to migrate. Nothing
      leaves the host, nothing costs.

  c   Connect: asks for your vCenter and your Scaleway project,
      checks both, writes the configuration. Reading only: no VM
      is touched before you start a plan.

  w   Write migration.yaml here, to fill in with an editor.
      `v2s doctor` then checks it.

  esc Look around. ? shows the keys of every screen.
"""
Beginning = Literal["lab", "connect"]


class Welcome(ModalScreen[Beginning | None]):
    """How to begin; None to look around."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "dismiss('lab')", "Try the lab"),
        Binding("c,enter", "dismiss('connect')", "Connect"),
        Binding("w", "write", "Write migration.yaml"),
        Binding("escape,q", "dismiss(None)", "Look around"),
    ]

    def __init__(self, folder: Path) -> None:
        """folder: where migration.yaml would be written."""
        super().__init__()
        self._path = folder / "migration.yaml"

    def compose(self) -> ComposeResult:
        """All of it fits on the smallest screen."""
        with Vertical(classes="modal-box"):
            yield Label("Welcome to v2s", markup=False, classes="modal-title")
            yield Static(_LINES, markup=False)
            yield Label("l lab   c connect   w write   esc look around", markup=False, classes="modal-keys")

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
