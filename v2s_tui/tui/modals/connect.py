"""The first connection: a form, and what `v2s doctor` says of its answers. Nothing is written here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from v2s_tui.config.first import ANSWERS, SECRETS, THUMBPRINT, FirstAnswers
from v2s_tui.config.settings import Settings
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import ConfigError
from v2s_tui.presentation.check_lines import check_lines

LABELS: Mapping[str, tuple[str, str]] = {
    "vcenter": ("vCenter", "vcenter.example.com, or with :port"),
    "username": ("user", "migration@vsphere.local"),
    "password": ("password", "empty: the variable VCENTER_PASSWORD"),
    "certificate": ("certificate", "empty: a public authority; else its thumbprint or a CA file"),
    "access_key": ("access key", "SCW..., empty: the variable SCW_ACCESS_KEY"),
    "secret_key": ("secret key", "empty: the variable SCW_SECRET_KEY"),
    "project_id": ("project id", "00000000-0000-0000-0000-000000000000"),
    "default_zone": ("zone", "fr-par-1"),
    "s3_bucket": ("bucket", "for transit, made when it is missing"),
    "work_dir": ("work folder", "room for the largest disks of a wave"),
}
"""Answer -> its label, and what the field says while it is empty."""


class Connect(ModalScreen[FirstAnswers | None]):
    """The answers to write, None when left. Nothing is written here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("pagedown", "scroll(4)", show=False),
        Binding("pageup", "scroll(-4)", show=False),
        Binding("ctrl+y", "trust", "Take the thumbprint"),
        Binding("ctrl+s", "save", "Save"),
    ]

    @dataclass
    class Checked(Message):
        """One check is through; None: all are."""

        check: Check | None

    def __init__(self, base: Settings) -> None:
        """base: what the environment says; fills the fields and stands behind them."""
        super().__init__()
        self._base = base
        self._checks: list[Check] = []
        self._thumbprint = ""

    def compose(self) -> ComposeResult:
        """One line for each answer, the checks, the keys."""
        known = FirstAnswers.of(self._base)
        with Vertical(classes="modal-box wide"):
            yield Label("Connect v2s", markup=False, classes="modal-title")
            for name in ANSWERS:
                label, empty = LABELS[name]
                with Horizontal(classes="form-line"):
                    yield Label(label, markup=False)
                    yield Input(
                        getattr(known, name),
                        placeholder=empty,
                        password=name in SECRETS,
                        compact=True,
                        id=name,
                        select_on_focus=False,
                    )
            with VerticalScroll(id="form-checks", can_focus=False):
                yield Static("enter checks; nothing is written before ctrl+s", markup=False, id="form-said")
            yield Label(
                "enter check   ctrl+s write and begin   esc cancel", markup=False, classes="modal-keys"
            )

    def on_mount(self) -> None:
        """Begin where something is missing."""
        empty = (name for name in ANSWERS if not self.query_one(f"#{name}", Input).value)
        self.query_one(f"#{next(empty, ANSWERS[0])}").focus()

    @property
    def answers(self) -> FirstAnswers:
        """As typed."""
        typed = {name: self.query_one(f"#{name}", Input).value.strip() for name in ANSWERS}
        return FirstAnswers(**typed)

    def on_input_submitted(self) -> None:
        """Enter checks."""
        self.action_check()

    def action_check(self) -> None:
        """What `v2s doctor` would say; each line as it comes."""
        self._checks, self._thumbprint = [], ""
        try:
            settings = self.answers.settings(self._base)
        except ConfigError as error:
            self._say(error.title)
            return
        self._say("checking...")
        self.run_worker(
            lambda: self._check(settings), thread=True, exclusive=True, group="check", exit_on_error=False
        )

    def _check(self, settings: Settings) -> None:
        from v2s_tui.bootstrap import build_services, cache_folder  # noqa: PLC0415 - not for the first paint
        from v2s_tui.usecases.run_doctor import run_doctor  # noqa: PLC0415 - the same

        services = build_services(settings)
        try:
            for check in run_doctor(services, cache_folder()):
                self.post_message(self.Checked(check))
        finally:
            services.close()
            self.post_message(self.Checked(None))

    def on_connect_checked(self, event: Checked) -> None:
        """Take it in."""
        check = event.check
        if check is None:
            self._say("all checked")
            return
        self._checks.append(check)
        self._thumbprint = self._thumbprint or _thumbprint_in(check)
        self._say(f"checking... {check.area} {check.name}")

    def _say(self, first: str) -> None:
        """That, how many checks went how, then failures and warnings: what is well needs no reading."""
        found = {state: [each for each in self._checks if each.state is state] for state in CheckState}
        counts = "  ".join(f"{len(checks)} {state.value}" for state, checks in found.items() if self._checks)
        lines = [f"{first}  {counts}".rstrip()]
        if self._thumbprint:
            lines.append("ctrl+y takes the certificate's thumbprint, once you have compared it")
        for each in (*found[CheckState.FAIL], *found[CheckState.WARN]):
            lines += check_lines(each)
        self.query_one("#form-said", Static).update("\n".join(lines))

    def action_trust(self) -> None:
        """Put the thumbprint that a check found into its field."""
        if self._thumbprint:
            self.query_one("#certificate", Input).value = self._thumbprint
            self.action_check()

    def action_scroll(self, lines: int) -> None:
        """Through what the checks said."""
        self.query_one("#form-checks", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_save(self) -> None:
        """Go on with these answers, where they can be settings at all."""
        try:
            self.answers.settings(self._base)
        except ConfigError as error:
            self._say(error.title)
            return
        if not self.answers.vcenter:
            self._say("name a vCenter first: nothing was written")
            return
        self.dismiss(self.answers)

    def action_leave(self) -> None:
        """Nothing is written."""
        self.dismiss(None)


def _thumbprint_in(check: Check) -> str:
    found = THUMBPRINT.search(check.fix)
    return found[0] if found else ""
