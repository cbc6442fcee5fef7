"""What each filter key looks at in a VM: key and value in, a test of one VM out."""

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from v2s_tui.domain.source.filters_terms import Comparison
from v2s_tui.domain.source.guest_os import OsFamily, os_family
from v2s_tui.domain.source.vm import Firmware, PowerState, Vm
from v2s_tui.domain.units import MIB

Test = Callable[[Vm], bool]


class Kind(StrEnum):
    """What a value may be: text, a number (with comparison), or either."""

    TEXT = "text"
    NUMBER = "number"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Key:
    """A filter key. unit: bytes that a bare number counts (1 for plain numbers). help: one line for `?`."""

    name: str
    kind: Kind
    help: str
    text: Callable[[str], Test] | None = None
    number: Callable[[Vm], float] | None = None
    unit_bytes: int = 1

    def test(self, value: str | Comparison) -> Test:
        """The test of one VM for this value. Raises ValueError with a reason for a value that cannot be."""
        if isinstance(value, Comparison):
            number, comparison = self.number, value
            if number is None:
                raise ValueError(f"{self.name} is not a number")
            return lambda vm: comparison.holds(number(vm))
        if self.text is None:
            raise ValueError(f"{self.name} takes a number")
        return self.text(value)


@lru_cache(maxsize=1024)
def glob(pattern: str) -> Callable[[str], bool]:
    """A test for a shell pattern that ignores case; text equal to the pattern always matches (`web[1]`)."""
    match, same = re.compile(fnmatch.translate(pattern), re.IGNORECASE).match, pattern.casefold()
    if not re.search(r"[*?\[]", pattern):
        return lambda text: text.casefold() == same
    if re.fullmatch(r"\*[^*?\[]+\*", pattern):
        return lambda text: same[1:-1] in text.casefold()
    return lambda text: match(text) is not None or text.casefold() == same


def name_test(pattern: str) -> Test:
    """By name; a pattern beginning with `/` is compared with the whole inventory path."""
    matches = glob(normal_path(pattern) if pattern.startswith("/") else pattern)
    if pattern.startswith("/"):
        return lambda vm: matches(vm.path)
    return lambda vm: matches(vm.name)


_REPEATED_REPEAT = re.compile(r"[*+}]\??\)[*+{]")


def regex_test(pattern: str) -> Test:
    """Anywhere in the name, as Python's `re.search`. Raises ValueError, also for what could take for ever."""
    if _REPEATED_REPEAT.search(pattern):
        raise ValueError("a repeat within a repeat, as in `(a+)+`, can take for ever; write it with one")
    try:
        search = re.compile(pattern).search
    except (re.error, OverflowError, RecursionError) as err:
        raise ValueError(f"not a regular expression: {err}") from err
    return lambda vm: search(vm.name) is not None


def normal_path(path: str) -> str:
    """`/DC1/vm/Production/` as `/DC1/Production`: vSphere's hidden `vm` folder is left out."""
    parts = [part for part in path.split("/") if part]
    if len(parts) > 1 and parts[1] == "vm":
        del parts[1]
    return "/" + "/".join(parts)


def folder_test(folder: str) -> Test:
    """This folder and all below it: `/DC1/Prod` does not match `/DC1/Production2`. Globs work too."""
    wanted = normal_path(folder)
    if re.search(r"[*?]", wanted):
        matches, below = glob(wanted), glob(f"{wanted}/*")
        return lambda vm: matches(normal_path(vm.folder)) or below(normal_path(vm.folder))
    prefix = wanted.casefold().rstrip("/") + "/"
    return lambda vm: f"{normal_path(vm.folder).casefold().rstrip('/')}/".startswith(prefix)


def _any_of(parts: Callable[[Vm], Iterable[str]]) -> Callable[[str], Test]:
    def text(pattern: str) -> Test:
        matches = glob(pattern)
        return lambda vm: any(matches(part) for part in parts(vm))

    return text


def _one(part: Callable[[Vm], str]) -> Callable[[str], Test]:
    def text(pattern: str) -> Test:
        matches = glob(pattern)
        return lambda vm: matches(part(vm))

    return text


def _known_word(value: str, known: Iterable[str]) -> str:
    words = list(known)
    if value.lower() not in words:
        near = difflib.get_close_matches(value.lower(), words, n=1, cutoff=0.5)
        raise ValueError(f"did you mean {near[0]}?" if near else f"one of: {', '.join(words)}")
    return value.lower()


_family = lru_cache(maxsize=4096)(os_family)


def os_test(value: str) -> Test:
    """linux, windows, other or unknown."""
    wanted = OsFamily(_known_word(value, (each.value for each in OsFamily)))
    return lambda vm: _family(vm.guest_id, vm.guest_full_name) is wanted


def state_test(value: str) -> Test:
    """Part of a power state: `poweredOn`, `off`, `suspended`."""
    wanted = frozenset(each for each in PowerState if value.lower() in each.value.lower())
    if not wanted:
        raise ValueError("one of: poweredOn, poweredOff, suspended, unknown")
    return lambda vm: vm.power_state in wanted


def firmware_test(value: str) -> Test:
    """bios, efi (uefi is the same) or unknown."""
    word = "efi" if value.lower() == "uefi" else value
    wanted = Firmware(_known_word(word, (each.value for each in Firmware)))
    return lambda vm: vm.firmware is wanted


_TOOLS_WORDS: dict[str, frozenset[str]] = {
    "ok": frozenset({"toolsok", "guesttoolsrunning"}),
    "old": frozenset({"toolsold"}),
    "running": frozenset({"toolsok", "toolsold", "guesttoolsrunning", "guesttoolsexecutingscripts"}),
    "notrunning": frozenset({"toolsnotrunning", "guesttoolsnotrunning"}),
    "notinstalled": frozenset({"toolsnotinstalled"}),
    "unknown": frozenset({""}),
}
"""Words for vSphere's two vocabularies: toolsStatus (`toolsOk`) and toolsRunningStatus
(`guestToolsRunning`).
"""


def tools_test(value: str) -> Test:
    """ok, old, running, notRunning, notInstalled or unknown; or a glob on the status as vSphere says it."""
    if re.search(r"[*?]", value) or "tools" in value.lower():
        return _one(lambda vm: vm.tools_status)(value)
    wanted = _TOOLS_WORDS[_known_word(value, _TOOLS_WORDS)]
    return lambda vm: vm.tools_status.lower() in wanted


def snapshot_test(value: str) -> Test:
    """yes, no, or a glob on the snapshots' names."""
    if value.lower() in {"yes", "true", "any"}:
        return lambda vm: bool(vm.snapshots)
    if value.lower() in {"no", "false", "none"}:
        return lambda vm: not vm.snapshots
    return _any_of(lambda vm: (each.name for each in vm.snapshots))(value)


def dc_test(value: str) -> Test:
    """The datacentre's exact name, case ignored."""
    wanted = value.casefold()
    return lambda vm: vm.datacenter.casefold() == wanted


def tag_names(vm: Vm) -> Iterable[str]:
    """Each tag as it is (`category/name` or `category:name`) and without what stands before each
    separator.
    """
    for tag in vm.tags:
        yield tag
        yield from (tag[found.end() :] for found in re.finditer(r"[/:]", tag))


_TEXT, _NUMBER = Kind.TEXT, Kind.NUMBER
_ALL = (
    Key("name", _TEXT, "glob on the name, name:web-*; a leading / means the path", name_test),
    Key("regex", _TEXT, r"regular expression in the name, regex:^prod-\d+", regex_test),
    Key("folder", _TEXT, "folder and all below it, folder:/DC1/Production", folder_test),
    Key("os", _TEXT, "linux, windows, other or unknown", os_test),
    Key("os_id", _TEXT, "glob on vSphere's guest id, os_id:rhel9*", _one(lambda vm: vm.guest_id)),
    Key("tag", _TEXT, "glob on a tag, with or without its category", _any_of(tag_names)),
    Key("host", _TEXT, "glob on the ESXi host", _one(lambda vm: vm.host)),
    Key("cluster", _TEXT, "glob on the cluster", _one(lambda vm: vm.cluster)),
    Key("dc", _TEXT, "datacentre, exact", dc_test),
    Key("state", _TEXT, "part of the power state, state:poweredOn", state_test),
    Key("firmware", _TEXT, "bios or efi", firmware_test),
    Key("datastore", _TEXT, "glob on a datastore its disks lie on", _any_of(lambda vm: vm.datastores)),
    Key("network", _TEXT, "glob on a port group", _any_of(lambda vm: vm.port_groups)),
    Key("tools", _TEXT, "ok, old, running, notRunning, notInstalled or unknown", tools_test),
    Key(
        "snapshot",
        Kind.BOTH,
        "yes, no, a number or a glob on a name",
        snapshot_test,
        lambda vm: len(vm.snapshots),
    ),
    Key("disks", _NUMBER, "number of disks, disks:>1", None, lambda vm: len(vm.disks)),
    Key("cpu", _NUMBER, "vCPUs, cpu:>=4 or cpu:2..8", None, lambda vm: vm.cpu_count),
    Key("ram", _NUMBER, "memory in GB, ram:<=16", None, lambda vm: vm.memory_mb / 1024, 1024 * MIB),
    Key("disk", _NUMBER, "total disk in GB, disk:<500", None, lambda vm: vm.total_disk_gib, 1024 * MIB),
)
KEYS: dict[str, Key] = {key.name: key for key in _ALL}
ALIASES = {"guest_os": "os_id", "datacenter": "dc", "memory": "ram", "power": "state"}
