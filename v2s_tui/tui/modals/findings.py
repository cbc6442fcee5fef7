"""All pre-flight findings: what is grave first, each with why and fix; jump to it, or accept it."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from v2s_tui.domain.planning.preflight.findings import Finding, Severity
from v2s_tui.domain.units import counted
from v2s_tui.presentation.findings import FINDING_COLUMNS, finding_detail
from v2s_tui.tui.widgets.virtual_table import VirtualTable

Answer = tuple[str, Finding]


class FindingsView(ModalScreen[Answer | None]):
    """(`jump`, finding) or (`accept`, finding), None when left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="findings.close"),
        Binding("o", "accept", "Accept, or no longer", id="findings.accept"),
        Binding("y", "copy", "Copy", id="findings.copy"),
    ]

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__()
        self._findings = findings

    def compose(self) -> ComposeResult:
        """The list, and what is known of the one under the cursor."""
        blocking = sum(each.blocking for each in self._findings)
        with Vertical(classes="modal-box wide"):
            yield Label(
                f"{counted(len(self._findings), 'finding')}, {blocking} in the way of the start",
                markup=False,
                classes="modal-title",
            )
            yield VirtualTable[Finding](FINDING_COLUMNS, row_key=id, tone=_tone, id="findings")
            yield Static(id="finding-detail", markup=False)
            yield Label(
                "enter go there   o accept with a reason   y copy   esc close",
                markup=False,
                classes="modal-keys",
            )

    @property
    def table(self) -> VirtualTable[Finding]:
        """The findings."""
        return self.query_one("#findings", VirtualTable)

    def on_mount(self) -> None:
        """The gravest first."""
        self.table.set_rows(self._findings)
        self.table.focus()
        self._show()

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Tell more of it."""
        self._show()

    def _show(self) -> None:
        finding = self.table.current
        text = "\n".join(finding_detail(finding)) if finding else ""
        self.query_one("#finding-detail", Static).update(Text(text))

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Enter goes to what it is about."""
        self._answer("jump")

    def action_accept(self) -> None:
        """Take it on, with a reason for the record."""
        finding = self.table.current
        if finding is not None and not finding.overridable:
            self.notify("accepting it could not help: fix it, or take the VM out", timeout=8, markup=False)
            return
        self._answer("accept")

    def _answer(self, what: str) -> None:
        finding = self.table.current
        if finding is not None:
            self.dismiss((what, finding))

    def action_copy(self) -> None:
        """Copy the finding (OSC 52)."""
        finding = self.table.current
        if finding is not None:
            self.app.copy_to_clipboard("\n".join(finding_detail(finding)))
            self.notify("copied", timeout=3, markup=False)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)


def _tone(finding: Finding, column: str) -> str:
    if column != "severity":
        return ""
    if finding.accepted:
        return "dim"
    return {Severity.BLOCKS: "fail", Severity.WARNS: "warn"}.get(finding.severity, "dim")
