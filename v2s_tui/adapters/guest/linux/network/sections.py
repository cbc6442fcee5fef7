"""Files of `[section]` and `key=value` lines (NetworkManager keyfiles, systemd units), edited without loss.

Sections may repeat, order and comments stay.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_HEADER = re.compile(r"^\s*\[([^\]]+)\]\s*$")


@dataclass(slots=True)
class Section:
    """One section. name: "" for lines before the first header. lines: below the header, as they are."""

    name: str
    lines: list[str] = field(default_factory=list)

    def get(self, key: str) -> str | None:
        """Last value of a key."""
        values = [value for name, value in map(_pair, self.lines) if name == key]
        return values[-1] if values else None

    def drop(self, *patterns: str) -> None:
        """Remove every line whose key matches one of the regular expressions as a whole."""
        self.lines = [line for line in self.lines if not _matches(_pair(line)[0], patterns)]

    def put(self, key: str, value: str) -> None:
        """Set a key in the place of its first line, else after the last line that is not blank."""
        places = [index for index, line in enumerate(self.lines) if _pair(line)[0] == key]
        if places:
            self.lines[places[0]] = f"{key}={value}"
            self.lines = [line for index, line in enumerate(self.lines) if index not in places[1:]]
            return
        end = max((index + 1 for index, line in enumerate(self.lines) if line.strip()), default=0)
        self.lines.insert(end, f"{key}={value}")


def _pair(line: str) -> tuple[str, str]:
    key, equals, value = line.partition("=")
    stripped = key.strip()
    return ("", "") if not equals or stripped.startswith(("#", ";")) else (stripped, value.strip())


def _matches(key: str, patterns: Iterable[str]) -> bool:
    return bool(key) and any(re.fullmatch(pattern, key) for pattern in patterns)


def parse_sections(text: str) -> list[Section]:
    """All sections in order; the first has no name and may be empty."""
    sections = [Section("")]
    for line in text.splitlines():
        match = _HEADER.match(line)
        if match:
            sections.append(Section(match[1].strip()))
        else:
            sections[-1].lines.append(line)
    return sections


def format_sections(sections: Iterable[Section]) -> str:
    """Back to text."""
    lines: list[str] = []
    for section in sections:
        lines += ([f"[{section.name}]"] if section.name else []) + section.lines
    return "\n".join(lines).rstrip("\n") + "\n"


def section_of(sections: list[Section], *names: str) -> Section:
    """The first section of one of these names; made at the end when there is none."""
    for section in sections:
        if section.name in names:
            return section
    if sections and sections[-1].lines and sections[-1].lines[-1].strip():
        sections[-1].lines.append("")
    sections.append(Section(names[0]))
    return sections[-1]
