"""A session that lives as long as the test."""

from typing import Any


class MemorySession:
    """Sections as plain data, as SessionFile keeps them."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, Any]] = {}

    def get(self, section: str) -> dict[str, Any]:
        return dict(self.sections.get(section, {}))

    def put(self, section: str, content: dict[str, Any]) -> None:
        self.sections[section] = content
