"""The app's own session (filters, marks, sizing edits, plan path, screen) as a journalled TinyDB file."""

from pathlib import Path
from typing import Any, cast

from v2s_tui.adapters.store.journal_storage import JournalledTinyDB, JournalStorage
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.documents import Change
from v2s_tui.system.files import make_private_folder
from v2s_tui.system.locks import LockHeld

_ONLY = 1


class SessionFile:
    """Named sections, each one JSON object. One process at a time: a second one gets StateError."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises StateError (in use, damaged) and OSError."""
        make_private_folder(path.parent)
        self.path = path
        try:
            self._database = JournalledTinyDB(path)
        except StateError as err:
            if isinstance(err.__cause__, LockHeld):
                hint = "close the app there, or open it here under another name: `v2s --session NAME`"
                raise StateError(err.title, hint=hint) from err
            raise
        self._storage = cast(JournalStorage, self._database.storage)

    def get(self, section: str) -> dict[str, Any]:
        """A copy of a section; {} when it was never written."""
        document = self._database.table(section).get(doc_id=_ONLY)
        return dict(document) if document else {}

    def put(self, section: str, content: dict[str, Any]) -> None:
        """Replace a section; on disk when it returns."""
        self._storage.commit([Change(section, _ONLY, content)])

    def sections(self) -> tuple[str, ...]:
        """Names of the sections that were written."""
        return tuple(sorted(self._database.tables()))

    def close(self) -> None:
        """Release the file."""
        self._database.close()
