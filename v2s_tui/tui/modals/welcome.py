"""The first start without a configuration: connect, or try it without a vCenter."""

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from v2s_tui.tui.modals.text_view import TextView

_LINES = (
    "v2s moves VMware VMs to Scaleway Instances in batches. It found no configuration here.",
    "",
    "  c   connect: a short form, then every connection, right and quota is looked at",
    "  t   try it first: leave, then run   v2s demo",
    "      A vCenter, Object Storage and a Scaleway API start on this host, with twelve VMs to migrate.",
    "",
    "The form writes migration.yaml into this folder; ~/.config/v2s/ and /etc/v2s/ are looked at too.",
    "v2s doctor   says at any time what is missing, each with its fix.",
)


class Welcome(TextView):
    """Shown once at a start without configuration."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "connect", "Connect"),
        Binding("t", "try_lab", "Leave, for v2s demo"),
    ]
    KEYS = "c connect   t leave for the demo   esc look around"

    def __init__(self, folder: Path) -> None:
        """folder: where migration.yaml would be written."""
        super().__init__("Welcome to v2s", _LINES)
        self._path = folder / "migration.yaml"

    def action_connect(self) -> None:
        """Fill in the form."""
        from v2s_tui.tui.app import V2sApp  # noqa: PLC0415 - the app shows this modal
        from v2s_tui.tui.connecting import ask_to_connect  # noqa: PLC0415 - brings every door to the world

        app = self.app
        assert isinstance(app, V2sApp)  # noqa: S101 - narrows the type only
        self.dismiss(None)
        ask_to_connect(app, self._path)

    def action_try_lab(self) -> None:
        """Leave the terminal for `v2s demo`."""
        self.app.exit(message="v2s demo    # the app on a local lab: nothing to configure")
