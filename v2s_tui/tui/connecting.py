"""From the form of the first start to a working app: write migration.yaml, take it into use, ask doctor."""

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from v2s_tui.bootstrap import build_services, cache_folder
from v2s_tui.config.load import load_config
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import V2sError
from v2s_tui.presentation.check_lines import check_line
from v2s_tui.presentation.first_config import config_data
from v2s_tui.tui.modals.connect import Connect, Connection
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.usecases.run_doctor import run_doctor

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp


def ask_to_connect(app: "V2sApp", path: Path) -> None:
    """Fill in the form; then the file is written (never over another) and everything is looked at."""

    def given(connection: Connection | None) -> None:
        if connection is not None and _written(app, path, connection):
            _use(app, path)

    app.push_screen(Connect(), given)


def _written(app: "V2sApp", path: Path, connection: Connection) -> bool:
    text = yaml.safe_dump(config_data(connection.values), sort_keys=False)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        app.notify(f"{path} exists already", severity="warning", timeout=8, markup=False)
        return False
    except OSError as error:
        app.notify(f"{path}: {error.strerror}", severity="error", timeout=15, markup=False)
        return False
    return True


def _use(app: "V2sApp", path: Path) -> None:
    """Go on with these settings, and ask doctor about them."""
    try:
        services = build_services(load_config(path))
    except V2sError as error:
        app.show_error(error)
        return
    app.use_services(services)
    app.notify(f"written: {path}. Looking at everything...", timeout=8, markup=False)

    def looked(checks: tuple[Check, ...]) -> None:
        failed = sum(each.state is CheckState.FAIL for each in checks)
        title = f"v2s doctor: {failed} of {len(checks)} checks failed" if failed else "v2s doctor: ready"
        app.push_screen(TextView(title, doctor_lines(checks)))

    app.background.ask("doctor", lambda: tuple(run_doctor(services, cache_folder())), looked)


def doctor_lines(checks: tuple[Check, ...]) -> list[str]:
    """Each check, with its fix beneath where it is not well."""
    lines: list[str] = []
    for each in checks:
        lines += [check_line(each), *([f"      fix: {each.fix}"] if each.fix else [])]
    return lines
