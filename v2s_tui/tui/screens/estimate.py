"""Screen 4: how long, how much space, how much money; and what if the limits were others."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from v2s_tui.domain.planning.forecast import Forecast
from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.units import counted, format_duration, format_eur
from v2s_tui.tui.estimate_text import estimate_text
from v2s_tui.tui.looks import ASCII_CLASS
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.usecases.look_ahead import Outlook

_LIMITS = tuple(Limit)
SOON = 3
"""Runs of the simulation behind the first answer to a what-if."""


class EstimateScreen(FlowScreen):
    """Time, space and cost from a simulation of the real scheduler."""

    STEP = "estimate"
    HELP_TITLE = "Estimate: time, space, cost, and what if"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "next_limit", "Choose limit", id="estimate.limit"),
        Binding("plus,equals_sign", "change(1)", "More", id="estimate.more", key_display="+"),
        Binding("minus", "change(-1)", "Less", id="estimate.less", key_display="-"),
        Binding("0", "own", "Plan's own", id="estimate.own"),
        Binding("p", "keep", "Put in plan", id="estimate.keep"),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(15)", "Page down", show=False),
        Binding("pageup", "scroll(-15)", "Page up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="estimate-screen")
        self._chosen = 0
        self._limits: Limits | None = None
        self._shown: tuple[Outlook, Forecast] | None = None

    def compose_body(self) -> ComposeResult:
        """The answer in one line, the limits, and everything else to scroll."""
        yield Static(id="estimate-sum", markup=False)
        yield Static(id="estimate-limits", markup=False)
        with VerticalScroll(id="estimate-body"):
            yield Static(id="estimate-text", markup=False)

    def on_mount(self) -> None:
        """The keyboard scrolls."""
        self.query_one("#estimate-body").focus()

    # --- showing -----------------------------------------------------------------------------------

    def refresh_view(self, what: str) -> None:
        """Simulate with the limits as they are set now, unless that answer is known."""
        outlook = self.v2s.outlook
        if outlook is None or not outlook.resolved.vms:
            note = self.v2s.outlook_note or "nothing is planned yet: mark VMs on screen 1 and press p"
            problem = self.v2s.background.plan_problem
            self._say_sum(Content.styled("the plan cannot be worked out" if problem else note, "$text-muted"))
            self.query_one("#estimate-limits", Static).update("")
            self.query_one("#estimate-text", Static).update(problem)
            return
        if what == "plan":
            self._limits = None
        limits = self._limits or outlook.resolved.limits
        self.query_one("#estimate-limits", Static).update(self._limits_line(limits))
        own, shown = outlook.known_forecast, self._shown
        if own is None:
            self._work_out(outlook)
        elif limits == own.limits:
            self._show(outlook, own, own)
        elif shown is not None and shown[0] is outlook and shown[1].limits == limits:
            self._show(outlook, own, shown[1])
        else:
            self._simulate(outlook, limits, runs=SOON)

    def _work_out(self, outlook: Outlook) -> None:
        """The plan's own forecast; it takes up to a second, so keys are answered meanwhile."""
        self._say_sum(Content.styled("simulating...", "$text-muted"))
        self.v2s.background.ask("forecast", lambda: outlook.forecast, lambda _: self.refresh_view("forecast"))

    def _simulate(self, outlook: Outlook, limits: Limits, *, runs: int | None) -> None:
        """Answer soon from a few runs, then surely from all; what was asked before counts no more."""

        def answered(forecast: Forecast) -> None:
            own = outlook.known_forecast
            if outlook is not self.v2s.outlook or limits != self._limits or own is None:
                return
            self._shown = (outlook, forecast)
            self._show(outlook, own, forecast)
            if runs is not None:
                self._simulate(outlook, limits, runs=None)

        self.v2s.background.ask("what-if", lambda: outlook.what_if(limits, runs=runs), answered)

    def _say_sum(self, text: Content) -> None:
        self.query_one("#estimate-sum", Static).update(text)

    def _show(self, outlook: Outlook, own: Forecast, forecast: Forecast) -> None:
        gain = own.p50_seconds - forecast.p50_seconds
        difference = f"{format_duration(abs(gain))} {'sooner' if gain > 0 else 'later'}"
        what_if = f"  what if: {difference if abs(gain) >= 1 else 'no difference'}"
        through = f"{counted(len(outlook.resolved.vms), 'VM')}  {format_duration(forecast.p50_seconds)}"
        self._say_sum(
            Content.assemble(
                (through, "bold"),
                f" (P90 {format_duration(forecast.p90_seconds)})  ",
                (f"{format_eur(outlook.cost.monthly)}/month", "bold"),
                (what_if if forecast is not own else "", "bold"),
            )
        )
        body = estimate_text(
            outlook,
            forecast,
            width=max(40, self.size.width - 4),
            ascii_only=self.app.has_class(ASCII_CLASS),
        )
        self.query_one("#estimate-text", Static).update(body)

    def _limits_line(self, limits: Limits) -> Content:
        parts: list[str | tuple[str, str]] = ["limits  "]
        for index, limit in enumerate(_LIMITS):
            style = "reverse bold" if index == self._chosen else ""
            parts += [(f"{limit.value} {limits.of(limit)}", style), "  "]
        return Content.assemble(*parts)

    # --- keys --------------------------------------------------------------------------------------

    def action_next_limit(self) -> None:
        """Choose which limit + and - change."""
        self._chosen = (self._chosen + 1) % len(_LIMITS)
        self.refresh_view("limit")

    def action_change(self, step: int) -> None:
        """One more or one less of the chosen limit; the answer follows at once."""
        outlook = self.v2s.outlook
        if outlook is None:
            return
        limits, limit = self._limits or outlook.resolved.limits, _LIMITS[self._chosen]
        if limits.of(limit) + step >= 1:
            self._limits = limits.changed(limit, limits.of(limit) + step)
            self.refresh_view("limit")

    def action_own(self) -> None:
        """Back to the plan's own limits."""
        self._limits = None
        self.refresh_view("limit")

    def action_keep(self) -> None:
        """Write the limits shown into the plan (undo on the Plan screen)."""
        if self._limits is not None:
            plan = self.workspace.plan
            self.workspace.edit(plan.model_copy(update={"concurrency": self._limits}))
            self.notify("the plan has these limits now", timeout=3, markup=False)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#estimate-body", VerticalScroll).scroll_relative(y=lines, animate=False)
