"""Completes a path being typed: the first entry of its folder that begins so, folders with their slash."""

import asyncio
from pathlib import Path

from textual.suggester import Suggester


class PathSuggester(Suggester):
    """suffixes: files that are offered; none means all. Hidden entries only once their dot is typed."""

    def __init__(self, *suffixes: str) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._suffixes = suffixes

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last part completed; None when nothing begins so or the folder cannot be read."""
        return await asyncio.to_thread(self._completed, value)

    def _completed(self, value: str) -> str | None:
        typed_folder, slash, start = value.rpartition("/")
        folder = Path(typed_folder + slash or ".").expanduser()
        try:
            names = sorted(f"{each.name}/" if each.is_dir() else each.name for each in folder.iterdir())
        except OSError:
            return None
        found = next((each for each in names if each != start and self._fits(each, start)), None)
        return f"{typed_folder}{slash}{found}" if found else None

    def _fits(self, name: str, start: str) -> bool:
        if not name.startswith(start) or (name.startswith(".") and not start.startswith(".")):
            return False
        return name.endswith(("/", *self._suffixes)) or not self._suffixes
