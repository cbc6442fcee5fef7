"""The first start: how to begin, and going on from there without leaving the app."""

from pathlib import Path
from typing import TYPE_CHECKING

from v2s_tui.domain.errors import V2sError
from v2s_tui.tui.modals.welcome import Beginning, Welcome

if TYPE_CHECKING:
    from v2s_tui.config.first import FirstAnswers
    from v2s_tui.tui.app import V2sApp

TRY_THE_LAB = 100
"""The app's return value that asks for `v2s demo` in its place."""


def welcome(app: "V2sApp") -> None:
    """Ask how to begin."""

    def chosen(beginning: Beginning | None) -> None:
        if beginning == "connect":
            connect(app)
        elif beginning == "lab" and app.is_web:
            app.notify("in a shell on the conversion host: v2s demo", timeout=15, markup=False)
        elif beginning == "lab":
            app.exit(TRY_THE_LAB)

    app.push_screen(Welcome(Path.cwd()), chosen)


def connect(app: "V2sApp") -> None:
    """Ask for both ends, write the configuration, go on with it."""
    from v2s_tui.tui.modals.connect import Connect  # noqa: PLC0415 - not for the first paint

    def answered(answers: "FirstAnswers | None") -> None:
        if answers is None:
            welcome(app)
            return
        try:
            _go_on(app, answers)
        except V2sError as error:
            app.show_error(error)

    app.push_screen(Connect(app.services.settings), answered)


def _go_on(app: "V2sApp", answers: "FirstAnswers") -> None:
    from v2s_tui.bootstrap import build_services  # noqa: PLC0415 - not for the first paint
    from v2s_tui.config.first import config_home, write_first  # noqa: PLC0415 - the same
    from v2s_tui.config.load import load_config  # noqa: PLC0415 - the same

    path = write_first(answers, config_home())
    app.use_services(build_services(load_config(path)))
    app.notify(f"written: {path}. `v2s doctor` checks it any time", timeout=10, markup=False)
