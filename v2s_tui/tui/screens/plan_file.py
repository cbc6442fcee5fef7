"""What the Plan screen does with plan files: save, open, compare, edit as YAML, begin anew."""

from collections.abc import Callable
from pathlib import Path

from textual.binding import Binding, BindingType

from v2s_tui.domain.planning.difference import diff_plans
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.path_suggester import PathSuggester
from v2s_tui.tui.plan_editor import edit_as_yaml
from v2s_tui.tui.screens.editing_screen import EditingScreen

FILE_BINDINGS: tuple[BindingType, ...] = (
    Binding("ctrl+s", "save", "Save", id="plan.save"),
    Binding("ctrl+o", "open", "Open", id="plan.open"),
    Binding("D", "diff", "Diff to file", id="plan.diff"),
    Binding("e", "editor", "Edit YAML", id="plan.editor"),
    Binding("N", "new", "New plan", id="plan.new", show=False),
)
"""For the subclass to put among its own: inherited ones would come first in hints and help."""


class PlanFileScreen(EditingScreen):
    """Actions on the file behind the plan; the list of waves is the subclass's."""

    def action_new(self) -> None:
        """Begin an empty plan."""
        self._leave_plan("Begin an empty plan?", "Begin", lambda: self.workspace.open_plan(BatchPlan(), None))

    def _leave_plan(self, title: str, action: str, go: Callable[[], None]) -> None:
        """Go on to another plan; asked first where edits of the one in hand stand in no file."""
        if not self.workspace.dirty:
            go()
            return
        lines = [f"{len(self.workspace.plan.migrations)} lines are not saved; undo does not bring them back"]
        confirm = Confirm(title, lines, action=action, danger=True)
        self.app.push_screen(confirm, lambda answer: go() if answer else None)

    def action_save(self) -> None:
        """Write the plan to its file; where it has none, or that one may not be written, to another."""
        path = self.workspace.plan_path
        if path is None or not self.v2s.save_plan(path):
            self._ask_where(path or Path("plan.yaml"))

    def _ask_where(self, path: Path) -> None:
        def named(text: str | None) -> None:
            if text:
                wanted = _as_typed(text)
                if not self.v2s.save_plan(wanted):
                    self._ask_where(wanted)

        ask = Ask("Save the plan as", value=str(path), suggester=PathSuggester(".yaml", ".yml"))
        self.app.push_screen(ask, named)

    def action_open(self) -> None:
        """Read a plan file."""

        def named(text: str | None) -> None:
            if text:
                path = _as_typed(text)
                self._leave_plan(f"Open {path}?", "Open", lambda: self.v2s.open_plan(path))

        known = str(self.workspace.plan_path or "plan.yaml")
        ask = Ask("Open which plan file", value=known, suggester=PathSuggester(".yaml", ".yml"))
        self.app.push_screen(ask, named)

    def action_editor(self) -> None:
        """Open the YAML in $EDITOR; come back validated."""
        edit_as_yaml(self.v2s)

    def action_diff(self) -> None:
        """What differs from the saved file."""
        saved = self.workspace.saved_plan
        if saved is None:
            self.notify("the plan has no file yet: ctrl+s writes one", timeout=6, markup=False)
            return
        lines = [str(change) for change in diff_plans(saved, self.workspace.plan)]
        title = f"Changes since {self.workspace.plan_path}"
        self.app.push_screen(TextView(title, lines or ["nothing differs"]))


def _as_typed(text: str) -> Path:
    """The same file whatever folder the app is started in next time: the session keeps the path."""
    return Path(text).expanduser().absolute()
