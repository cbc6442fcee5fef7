"""The plan as YAML in the operator's own editor; what comes back is checked before it counts.

A plan that stands in its file as it is in hand is edited there, comments and all. One with unsaved edits is
edited as a copy, and comes back as one more edit that undo takes back.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from v2s_tui.adapters.formats.plan_yaml import plan_text
from v2s_tui.domain.errors import V2sError
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.usecases.edit_plan_file import OpenPlan, open_plan_file

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp


def edit_as_yaml(app: "V2sApp") -> None:
    """Open it, come back validated; a mistake is shown with its place, and the plan in hand stays."""
    work = app.workspace
    if work.plan_path is not None and not work.dirty:
        _edit_file(app, work.plan_path, lambda back: _reopen(app, back))
        return
    folder = tempfile.TemporaryDirectory(prefix="v2s-plan-")
    copy = Path(folder.name) / "plan.yaml"
    copy.write_text(plan_text(work.plan), encoding="utf-8")

    def came_back(edited: OpenPlan | None) -> None:
        folder.cleanup()
        if edited is not None:
            work.edit(edited.plan)

    _edit_file(app, copy, came_back)


def _reopen(app: "V2sApp", edited: OpenPlan | None) -> None:
    if edited is not None:
        app.workspace.open_plan(edited.plan, edited.path, digest=edited.digest)


def _edit_file(app: "V2sApp", path: Path, use: Callable[[OpenPlan | None], None]) -> None:
    """use(what is in the file now), use(None) where the operator gave up or no editor ran."""
    if not _open_editor(app, path):
        use(None)
        return
    try:
        edited = open_plan_file(path)
    except V2sError as error:
        _show_mistake(app, error, again=lambda: _edit_file(app, path, use), leave=lambda: use(None))
        return
    use(edited)


def _show_mistake(
    app: "V2sApp", error: V2sError, *, again: Callable[[], None], leave: Callable[[], None]
) -> None:
    fix = [f"fix  {error.hint}"] if error.hint else []
    lines = [error.title, *fix, "", "The plan in hand is as it was."]
    confirm = Confirm("That is no valid plan", lines, action="Edit again")
    app.push_screen(confirm, lambda go: again() if go else leave())


def editor_words(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The operator's editor and its options; one whose quotes do not close stays whole, and is not found."""
    named = environ.get("VISUAL") or environ.get("EDITOR") or ""
    try:
        return shlex.split(named) or ["vi"]
    except ValueError:
        return [named]


def _open_editor(app: "V2sApp", path: Path) -> bool:
    """True when the editor has run and ended well."""
    editor, problem, ended = editor_words(), "", 0
    try:
        with app.suspend():
            # Nothing may leave this block by raising: Textual would not take the terminal back then.
            try:
                ended = subprocess.run([*editor, str(path)], check=False).returncode
            except (OSError, ValueError) as error:
                problem = f"{editor[0]}: {getattr(error, 'strerror', None) or error}; set EDITOR"
    except SuspendNotSupported:
        problem = "no editor can run here: edit the file elsewhere, ctrl+o reads it"
    if problem:
        app.notify(problem, severity="error", timeout=10, markup=False)
    elif ended:
        app.notify(f"{editor[0]} ended with {ended}: nothing changed", severity="warning", markup=False)
    return not problem and ended == 0
