"""A guest's files in memory: what planners are tested with."""

import posixpath
from fnmatch import fnmatchcase

from v2s_tui.adapters.guest.linux.view import MAX_TEXT_BYTES


class TextFiles:
    """A GuestView over files held in memory.

    A value of str is a file, bytes too; a value beginning with `-> ` is a symbolic link.
    """

    def __init__(self, files: dict[str, str | bytes]) -> None:
        self.files = files

    def read_bytes(self, path: str, *, limit_bytes: int = MAX_TEXT_BYTES) -> bytes | None:
        value = self.files.get(self._real(path))
        if value is None:
            return None
        content = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        return content if len(content) <= limit_bytes else None

    def read_text(self, path: str) -> str | None:
        content = self.read_bytes(path)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def is_file(self, path: str) -> bool:
        return self._real(path) in self.files

    def is_folder(self, path: str) -> bool:
        return any(each.startswith(path.rstrip("/") + "/") for each in self.files)

    def glob(self, pattern: str) -> tuple[str, ...]:
        depth = pattern.count("/")
        folders = {parent for path in self.files for parent in _parents(path)}
        names = {*self.files, *folders}
        return tuple(sorted(path for path in names if path.count("/") == depth and _matches(path, pattern)))

    def link_target(self, path: str) -> str | None:
        value = self.files.get(path)
        return value.removeprefix("-> ") if isinstance(value, str) and value.startswith("-> ") else None

    def _real(self, path: str) -> str:
        target = self.link_target(path)
        return path if target is None else posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:depth]) for depth in range(1, len(parts))]


def _matches(path: str, pattern: str) -> bool:
    pieces = zip(path.split("/"), pattern.split("/"), strict=True)
    return all(fnmatchcase(one, other) for one, other in pieces)
