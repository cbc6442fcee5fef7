"""What the six screens have in common: step bar above, footer below, refreshed when the workspace changes."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.screen import Screen

from v2s_tui.tui.widgets.key_hints import KeyHints
from v2s_tui.tui.widgets.step_bar import StepBar
from v2s_tui.tui.workspace import Workspace

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp


class FlowScreen(Screen[None]):
    """A step of the flow. Subclasses give `STEP`, `compose_body` and `refresh_view`."""

    STEP: ClassVar[str] = ""
    HELP_TITLE: ClassVar[str] = ""

    def compose(self) -> ComposeResult:
        """Bar, body, keys."""
        yield StepBar(id="step-bar")
        yield from self.compose_body()
        yield KeyHints(id="key-hints", markup=False)

    def compose_body(self) -> ComposeResult:
        """The screen's own widgets."""
        raise NotImplementedError

    @property
    def v2s(self) -> "V2sApp":
        """The app, with its type."""
        from v2s_tui.tui.app import V2sApp  # noqa: PLC0415 - the app imports its screens

        assert isinstance(self.app, V2sApp)  # noqa: S101 - narrows the type only
        return self.app

    @property
    def workspace(self) -> Workspace:
        """What the operator works on."""
        return self.v2s.workspace

    def on_screen_resume(self) -> None:
        """The operator came (back) here."""
        self.refresh_all()

    def refresh_all(self) -> None:
        """Bar and body from the workspace."""
        if not self.is_mounted:
            return
        self.refresh_bar()
        self.refresh_view("all")

    def refresh_bar(self) -> None:
        """The step bar only."""
        self.query_one(StepBar).show(self.STEP, self.v2s.step_facts(), self.v2s.source_note())

    def refresh_view(self, what: str) -> None:
        """The body. what: what changed in the workspace (`inventory`, `marks`, `plan`, `all`)."""
        raise NotImplementedError
