"""Screen 6: every batch of this work folder; open, resume, report, undo."""

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from v2s_tui.domain.errors import V2sError
from v2s_tui.presentation.batch_columns import BATCH_COLUMNS, BatchSummary
from v2s_tui.tui.modals.live_text import NO_LOG, LiveText
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.widgets.virtual_table import VirtualTable
from v2s_tui.usecases.report_batch import batch_report
from v2s_tui.usecases.runner_log import log_lines
from v2s_tui.usecases.show_batches import list_batches


class BatchesScreen(FlowScreen):
    """History, newest first."""

    STEP = "batches"
    HELP_TITLE = "Batches: what ran here, newest first"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,enter", "open", "Watch", id="batches.open"),
        Binding("R", "resume", "Resume", id="batches.resume"),
        Binding("o", "report", "Report", id="batches.report"),
        Binding("u", "undo", "Undo", id="batches.undo"),
        Binding("l", "leftovers", "Leftovers", id="batches.leftovers"),
        Binding("L", "log", "Log", id="batches.log", show=False),
        Binding("r", "reload", "Refresh", id="batches.reload", show=False),
        Binding("y", "copy", "Copy id", id="batches.copy", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="batches-screen")

    def compose_body(self) -> ComposeResult:
        """A line, and the list."""
        yield Static(id="batches-sum", markup=False)
        yield VirtualTable[BatchSummary](
            BATCH_COLUMNS, row_key=lambda row: row.batch_id, tone=_tone, id="batches-table"
        )

    @property
    def table(self) -> VirtualTable[BatchSummary]:
        """The list."""
        return self.query_one("#batches-table", VirtualTable)

    def on_mount(self) -> None:
        """The keyboard is in the list."""
        self.table.if_empty = ("no batch ran here yet", "5 and then n starts the plan in hand")
        self.table.focus()

    def refresh_view(self, what: str) -> None:
        """Read the states again; they are small and local."""
        if what != "all":
            return
        try:
            batches = list_batches(self.v2s.services)
        except V2sError as error:
            self.v2s.show_error(error)
            return
        self.table.set_rows(batches)
        number = f"{len(batches)} batches" if len(batches) != 1 else "1 batch"
        text = f"{number} in {self.v2s.services.state_dir}"
        self.query_one("#batches-sum", Static).update(
            Text(text if batches else "no batch ran yet: 5, then n starts the plan", style="dim")
        )

    def action_reload(self) -> None:
        """Read again."""
        self.refresh_view("all")

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Enter watches the batch."""
        self.action_open()

    def action_open(self) -> None:
        """Show it on the Run screen."""
        batch = self.table.current
        if batch is not None:
            self.v2s.watch_batch(batch.batch_id)
            self.v2s.go_to("run")

    def action_report(self) -> None:
        """Read its report."""
        batch = self.table.current
        if batch is not None:
            make = partial(batch_report, self.v2s.services, batch.batch_id, "text")
            self.v2s.background.ask("report", make, partial(self._show_report, batch.batch_id))

    def _show_report(self, batch_id: str, text: str) -> None:
        self.app.push_screen(TextView(f"Report of batch {batch_id}", text.splitlines()))

    def action_copy(self) -> None:
        """Copy the batch id (OSC 52)."""
        batch = self.table.current
        if batch is not None:
            self.app.copy_to_clipboard(batch.batch_id)
            self.notify(f"copied {batch.batch_id}", timeout=2, markup=False)

    def action_resume(self) -> None:
        """Go on with it in a runner of its own; finished VMs are never touched again."""
        batch = self.table.current
        if batch is not None and self._is_idle(batch):
            self.v2s.resume_batch(batch.batch_id)

    def action_undo(self) -> None:
        """Remove what the batch made, or what one VM of it made; everything is named first."""
        batch = self.table.current
        if batch is not None and self._is_idle(batch):
            self.v2s.cleaning.undo(batch.batch_id)

    def _is_idle(self, batch: BatchSummary) -> bool:
        """True when it can be resumed or undone; else it is said why not."""
        if batch.live:
            self.notify("a runner works on it: enter watches it", timeout=6, markup=False)
        elif batch.status == "unreadable":
            self.notify(batch.note, severity="warning", timeout=10, markup=False)
        return not batch.live and batch.status != "unreadable"

    def action_leftovers(self) -> None:
        """What any batch left at VMware, Object Storage and Scaleway, with its monthly cost."""
        self.v2s.cleaning.leftovers()

    def action_log(self) -> None:
        """The runner's log of the batch."""
        batch = self.table.current
        if batch is not None:
            services, batch_id = self.v2s.services, batch.batch_id
            read = partial(log_lines, services, batch_id, limit=2000)
            self.app.push_screen(LiveText(f"Log of batch {batch_id}", lambda: read() or (NO_LOG,)))


def _tone(row: BatchSummary, column: str) -> str:
    if column != "status":
        return ""
    tones = {"complete": "ok", "running": "busy", "paused": "warn", "failed": "fail", "partial": "warn"}
    return tones.get(row.status, "")
