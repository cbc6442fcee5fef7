"""Open the full-screen app."""

import os
import signal
import sys
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from v2s_tui.bootstrap import open_services
from v2s_tui.cli.console import say
from v2s_tui.domain.errors import ConfigError, InputError
from v2s_tui.system.processes import end_with_parent

_DUMB = {"dumb", "unknown", ""}
_WEB_DRIVER = "textual.drivers.web_driver:WebDriver"
"""What `v2s serve` sets: the screen is a browser's."""


def open_app(config: Path | None, session_name: str, *, first_plan: Path | None = None) -> int:
    """The app on this terminal, with the session of that name. Returns its exit code.

    first_plan: opened when the session has no plan of its own yet.
    Raises InputError where no full screen is possible, with the headless way, and where no session can be
    kept; ConfigError for a theme that there is not.
    """
    if os.environ.get("TEXTUAL_DRIVER") == _WEB_DRIVER:
        end_with_parent(signal.SIGTERM)
    elif not _has_screen(os.environ):
        raise InputError(
            "the app needs a terminal with a screen",
            hint="`v2s --run plan.yaml` does the same job without one; `v2s demo --run` shows it",
        )
    from v2s_tui.adapters.store.session import SessionFile
    from v2s_tui.tui.app import V2sApp
    from v2s_tui.tui.looks import first_theme
    from v2s_tui.tui.session import session_path
    from v2s_tui.usecases.edit_plan_file import open_plan_file

    state_home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    with open_services(config, warn=say) as services:
        try:
            session = SessionFile(session_path(state_home, session_name))
        except OSError as err:
            raise InputError(
                f"the app cannot keep its session in {state_home} ({err.strerror or err})",
                hint="set XDG_STATE_HOME to a folder of yours",
            ) from err
        try:
            app = V2sApp(services, session=session)
            if first_plan is not None and not app.workspace.plan.migrations:
                opened = open_plan_file(first_plan)
                app.workspace.open_plan(opened.plan, opened.path, digest=opened.digest)
            wanted = services.settings.theme or first_theme(app.console.color_system)
            app.theme = known_theme(wanted, app.available_themes)
            app.set_keymap(services.settings.keys)
            return app.run() or app.return_code or 0
        finally:
            session.close()


def known_theme(wanted: str, known: Collection[str]) -> str:
    """The theme of that name. Raises ConfigError where there is none."""
    if wanted not in known:
        near = get_close_matches(wanted, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(sorted(known))}"
        raise ConfigError(f"theme: there is none called {wanted!r}", hint=hint)
    return wanted


def _has_screen(environ: Mapping[str, str]) -> bool:
    """True on a terminal that can address its cells; Textual draws on stderr."""
    ends = (sys.stdin, sys.stdout, sys.stderr)
    return all(each.isatty() for each in ends) and environ.get("TERM", "") not in _DUMB
