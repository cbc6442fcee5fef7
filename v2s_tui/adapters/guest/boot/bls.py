"""Boot Loader Specification entries and grubenv: what RHEL, Fedora and their relatives boot from.

Source: the Boot Loader Specification (uapi-group), type 1 entries, and GRUB's 1024-byte environment block.
"""

import re
from dataclasses import dataclass

from v2s_tui.adapters.guest.boot.command_line import StableName, edit_command_line, words_of
from v2s_tui.domain.guest.facts import BootEntry

_ENVIRONMENT_BYTES = 1024
_SIGNATURE = "# GRUB Environment Block\n"
_OPTIONS = re.compile(r"^(?P<head>\s*options\s+)(?P<value>.*)$")


@dataclass(frozen=True, slots=True)
class BlsEntry:
    """One entry file. file_name: without folder. fields: keys in order of first appearance."""

    file_name: str
    fields: dict[str, str]

    @property
    def version(self) -> tuple[tuple[int, int, str], ...]:
        """A key that sorts kernel versions as people expect, numbers as numbers."""
        parts = re.findall(r"\d+|[a-zA-Z]+", self.fields.get("version", "") or self.file_name)
        return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)

    @property
    def is_rescue(self) -> bool:
        """True for the entry that dracut keeps for emergencies."""
        return "rescue" in self.fields.get("version", "") or "-0-rescue" in self.file_name


def parse_bls(file_name: str, text: str) -> BlsEntry | None:
    """An entry that boots a Linux kernel; None for anything else."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, *rest = line.split(maxsplit=1) or [""]
        value = rest[0] if rest else ""
        if key and not key.startswith("#"):
            fields[key] = (
                f"{fields[key]} {value.strip()}"
                if key in {"initrd", "options"} & fields.keys()
                else value.strip()
            )
    return BlsEntry(file_name, fields) if fields.get("linux") else None


def parse_grubenv(content: bytes) -> dict[str, str]:
    """Variables of an environment block; empty for a damaged one."""
    text = content.decode("utf-8", "replace")
    if not text.startswith(_SIGNATURE):
        return {}
    pairs = (line.partition("=") for line in text[len(_SIGNATURE) :].splitlines() if not line.startswith("#"))
    return {key: value for key, equals, value in pairs if equals}


def format_grubenv(variables: dict[str, str]) -> bytes:
    """An environment block of exactly 1024 bytes. Raises ValueError when the variables do not fit."""
    text = _SIGNATURE + "".join(f"{key}={value}\n" for key, value in variables.items())
    content = text.encode()
    if len(content) > _ENVIRONMENT_BYTES:
        raise ValueError("the variables do not fit into GRUB's environment block")
    return content.ljust(_ENVIRONMENT_BYTES, b"#")


def ordered_entries(entries: tuple[BlsEntry, ...], saved: str) -> tuple[BlsEntry, ...]:
    """The default first, then by version, newest first; rescue entries last.

    saved: `saved_entry` of grubenv: an entry's file name without .conf, or its number in the menu.
    """
    by_version = sorted(entries, key=lambda each: (not each.is_rescue, each.version), reverse=True)
    chosen = by_version[0] if by_version else None
    for number, entry in enumerate(by_version):
        if saved in {str(number), entry.file_name.removesuffix(".conf")}:
            chosen = entry
    return tuple(sorted(by_version, key=lambda each: each is not chosen))


def boot_entry(entry: BlsEntry, variables: dict[str, str]) -> BootEntry:
    """The entry with its variables expanded: $kernelopts from grubenv or grub.cfg, unknown ones empty."""
    expanded = {key: _expand(value, variables) for key, value in entry.fields.items()}
    return BootEntry(
        title=expanded.get("title", entry.file_name),
        kernel=expanded["linux"],
        initramfs=tuple(expanded.get("initrd", "").split()),
        command_line=expanded.get("options", ""),
    )


def _expand(value: str, variables: dict[str, str]) -> str:
    filled = re.sub(r"\$\{?(\w+)\}?", lambda match: variables.get(match[1], ""), value)
    return " ".join(words_of(filled))


def edit_bls(text: str, stable_name: StableName, *, root: str) -> str:
    """An entry file whose options are edited; an entry that takes them from $kernelopts stays as it is."""
    lines = []
    for line in text.splitlines():
        match = _OPTIONS.match(line)
        if match and "$kernelopts" not in match["value"]:
            lines.append(match["head"] + edit_command_line(match["value"], stable_name, root=root))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
