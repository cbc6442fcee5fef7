"""YAML as plain data together with the place of every key, so that errors can point at it.

Scalars follow YAML 1.2's core schema, not PyYAML's 1.1: `no`, `on` and dates stay text, and a number is a
number only where printing it gives back what was written, so a VM called 010 or 1.10 keeps its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from v2s_tui.domain.errors import InputError, Position

Path = tuple[str | int, ...]
MAX_NODES = 300_000
"""Most values a file may hold once aliases are followed; keeps a "billion laughs" file from eating memory."""
MAX_DEPTH = 40
_FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class MarkedDocument:
    """data: dicts, lists, scalars ({} for an empty file). marks: line and column of each key, from 1."""

    file: str
    data: Any
    marks: Mapping[Path, tuple[int, int]]

    def position(self, path: Path) -> Position:
        """Where this path stands, or the nearest enclosing one that is written in the file."""
        known = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in self.marks or n == 0)
        line, column = self.marks.get(known, (None, None))
        return Position(self.file, line, column, key_of(path) or None)


def key_of(path: Path) -> str:
    """`("migrations", 0, "zone")` as `migrations[0].zone`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def parse_marked(
    text: str, *, file: str, error: type[InputError], max_nodes: int = MAX_NODES
) -> MarkedDocument:
    """Parse one YAML document. max_nodes: most values it may hold.

    Raises `error` with line and column for bad YAML, a key given twice, a key that is not text, and files
    that are too deep or too large to be a plan or a configuration.
    """
    try:
        node = _compose(text)
    except yaml.MarkedYAMLError as err:
        raise error(_problem_text(err), hint=_yaml_hint(err), position=_position(file, err)) from err
    except yaml.YAMLError as err:
        raise error(f"not a YAML text: {err}", position=Position(file)) from err
    except RecursionError as err:
        raise error("nested too deeply", position=Position(file)) from err
    walker = _Walker(file, error, max_nodes)
    data = walker.value(node, ()) if node is not None else {}
    return MarkedDocument(file, {} if data is None else data, walker.marks)


def _compose(text: str) -> yaml.Node | None:
    """By libyaml where PyYAML has it; what it refuses is parsed again, for the clearer message."""
    try:
        return yaml.compose(text, Loader=_FAST_LOADER)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _problem_text(err: yaml.MarkedYAMLError) -> str:
    return ", ".join(part for part in (err.context, err.problem) if part) or "not valid YAML"


def _yaml_hint(err: yaml.MarkedYAMLError) -> str:
    if "\\t" in (err.problem or ""):
        return "indent with spaces, never with tabs"
    return "check the indentation and quotes here and on the line above"


def _position(file: str, err: yaml.MarkedYAMLError) -> Position:
    mark = err.problem_mark or err.context_mark
    return Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)


class _Walker:
    """Turns composed nodes into data, noting where each key stood."""

    def __init__(self, file: str, error: type[InputError], max_nodes: int) -> None:
        self._max_nodes = max_nodes
        self.file = file
        self.error = error
        self.marks: dict[Path, tuple[int, int]] = {}
        self._seen = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.marks.setdefault(path, _start(node))
        self._count(node, path)
        if node.tag not in _TAGS:
            raise self._error(f"the tag {node.tag} is not allowed here", node, path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
        return self._scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged = self._merged(value_node, path) | merged
                continue
            key = self._key(key_node, path, taken=own)
            self.marks[*path, key] = _start(key_node)
            own[key] = self.value(value_node, (*path, key))
        return merged | own

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise self._error("`<<` merges mappings only", node, path)
            self._count(source, path)
            found = self._mapping(source, path) | found
        return found

    def _key(self, node: yaml.Node, path: Path, *, taken: dict[str, Any]) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error("a key must be a word, not a list or mapping", node, path)
        key = str(node.value)
        if key in taken:
            raise self._error(f"{key!r} is given twice", node, (*path, key), hint="keep one of them")
        return key

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        quoted = node.style in {"'", '"', "|", ">"} or node.tag.endswith(":str")
        return str(node.value) if quoted else plain_scalar(node.value)

    def _count(self, node: yaml.Node, path: Path) -> None:
        self._seen += 1
        if self._seen > self._max_nodes or len(path) > MAX_DEPTH:
            raise self._error(
                "too large or nested too deeply", node, path[:3], hint="look for an alias that repeats"
            )

    def _error(self, title: str, node: yaml.Node, path: Path, *, hint: str = "") -> InputError:
        line, column = _start(node)
        return self.error(title, hint=hint, position=Position(self.file, line, column, key_of(path) or None))


_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "map", "seq")
)
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)


def plain_scalar(text: str) -> Any:
    """An unquoted YAML scalar as None, bool, int, float or, where the text would change, itself."""
    if text in _WORDS:
        return _WORDS[text]
    for number in (int, float):
        try:
            value = number(text)
        except ValueError:
            continue
        if repr(value) == text and text not in {"nan", "inf", "-inf"}:
            return value
    return text


def _start(node: yaml.Node) -> tuple[int, int]:
    mark = node.start_mark
    return mark.line + 1, mark.column + 1
