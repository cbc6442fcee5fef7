"""What the app remembers between two openings: filter, marks, plan with undo, screen, batch being watched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from v2s_tui.adapters.formats.plan_yaml import parse_plan, plan_text
from v2s_tui.domain.errors import InputError, StateError
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.tui.table_look import TableLook
from v2s_tui.tui.workspace import Workspace


class SessionStore(Protocol):
    """Where sections are kept (adapters/store/session.py)."""

    def get(self, section: str) -> dict[str, Any]:
        """A section; {} when it was never written."""
        ...

    def put(self, section: str, content: dict[str, Any]) -> None:
        """Replace a section."""
        ...


class CarefulStore:
    """Keeps in another store until its disk refuses. That is said once; the app goes on without keeping."""

    def __init__(self, store: SessionStore, refused: Callable[[StateError], None]) -> None:
        self._store = store
        self._refused: Callable[[StateError], None] | None = refused

    def get(self, section: str) -> dict[str, Any]:
        """As the store has it."""
        return self._store.get(section)

    def put(self, section: str, content: dict[str, Any]) -> None:
        """Replace it there, as long as that works."""
        if self._refused is None:
            return
        try:
            self._store.put(section, content)
        except StateError as error:
            refused, self._refused = self._refused, None
            refused(error)


def session_path(state_home: Path, name: str) -> Path:
    """File of that session. Raises InputError for a name that is no plain word."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"{name!r} is no session name", hint="use letters, digits, - and _")
    return state_home / "v2s" / f"session-{name}.json"


class WorkspaceKeeper:
    """Writes what the operator has in hand into a session, where it changed since the last time."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._kept: tuple[object, ...] = ()

    def keep(self, work: Workspace) -> None:
        """Called every few seconds: what is still the same is not written out as YAML again."""
        now = (work.filter_text, work.marked, work.plan, work.plan_path, work.saved_plan, work.plan_digest,
               dict(work.saved_filters), dict(work.looks))  # fmt: skip
        if now == self._kept:
            return
        self._kept = now
        content = _content(work)
        if self._store.get("workspace") != content:
            self._store.put("workspace", content)


def _content(work: Workspace) -> dict[str, Any]:
    return {
        "filter": work.filter_text,
        "marked": sorted(work.marked),
        "plan": plan_text(work.plan),
        "plan_path": str(work.plan_path or ""),
        "saved_plan": plan_text(work.saved_plan) if work.saved_plan else "",
        "plan_digest": work.plan_digest,
        "saved_filters": dict(work.saved_filters),
        "looks": {step: look.to_dict() for step, look in work.looks.items()},
    }


def recall_workspace(store: SessionStore) -> Workspace:
    """What was kept; an unreadable part is left out rather than standing in the way."""
    kept = store.get("workspace")
    path = kept.get("plan_path")
    return Workspace(
        filter_text=str(kept.get("filter", "")),
        marked=frozenset(str(each) for each in kept.get("marked", ())),
        plan=_plan(kept.get("plan")) or BatchPlan(),
        plan_path=Path(path) if path else None,
        saved_plan=_plan(kept.get("saved_plan")),
        plan_digest=str(kept.get("plan_digest", "")),
        saved_filters={str(name): str(text) for name, text in kept.get("saved_filters", {}).items()},
        looks={str(step): TableLook.from_dict(look) for step, look in kept.get("looks", {}).items()},
    )


def _plan(text: object) -> BatchPlan | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        return parse_plan(text, file="session").plan
    except (InputError, ValidationError):
        return None
