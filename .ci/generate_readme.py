"""Writes what is read from the code: parts of README.md, between `<!-- generated: X -->` marks, and v2s.1.

`python .ci/generate_readme.py` writes; with `--check` it only says which parts are stale (exit code 1).
"""

import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parent))
from man_page import PAGE, man_page

from v2s_tui.cli.main import cli as group
from v2s_tui.domain.execution.failures import CATALOGUE
from v2s_tui.domain.planning.schema import plan_schema
from v2s_tui.domain.source.filters_keys import ALIASES, KEYS
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.widgets.step_bar import STEPS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH = 100


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; pipes in cells are escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def keys() -> str:
    """Every screen with its keys, from the Binding lists."""
    lines = [f"- **everywhere**: {' · '.join(_bindings(V2sApp))}"]
    lines += [f"- **{step}**: {' · '.join(_bindings(_screen(step)))}" for step in STEPS]
    return "\n".join(lines)


def _screen(step: str) -> Any:
    """The screen class of a step of the flow: the one in the step's module that says so."""
    module = import_module(f"v2s_tui.tui.screens.{step}")
    owned = [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]
    return next(each for each in owned if getattr(each, "STEP", None) == step)


def _bindings(owner: Any) -> Iterator[str]:
    for binding in owner.BINDINGS:
        if binding.description:
            names = binding.key_display or ", ".join(_key_name(each) for each in binding.key.split(","))
            yield f"`{names}` {binding.description.rstrip('.').lower()}"


def _key_name(key: str) -> str:
    known = {"question_mark": "?", "colon": ":", "slash": "/", "left_square_bracket": "[",
             "right_square_bracket": "]", "plus": "+", "minus": "-", "equals_sign": "="}  # fmt: skip
    return known.get(key, key)


def cli() -> str:
    """`--help` of every command."""
    return "\n\n".join(
        f"```text\n{text}\n```" for text in _helps(group, click.Context(group, info_name="v2s"))
    )


def _helps(command: click.Command, context: click.Context) -> Iterator[str]:
    context.terminal_width = WIDTH
    context.help_option_names = ["-h", "--help"]
    yield "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _helps(child, click.Context(child, info_name=name, parent=context))


def filters() -> str:
    """The filter keys."""
    rows = [
        (f"`{key.name}`", key.kind.value.replace("both", "text or number"), key.help) for key in KEYS.values()
    ]
    aliases = ", ".join(f"`{alias}` for `{name}`" for alias, name in ALIASES.items())
    return f"{table(('key', 'value', 'meaning'), rows)}\n\nAlso understood: {aliases}."


def plan() -> str:
    """Every mapping of a plan with its keys, from the models."""
    schema = plan_schema()
    parts = {"the plan": schema, **schema["$defs"]}
    return "\n\n".join(_plan_part(name, part) for name, part in parts.items() if part.get("properties"))


def _plan_part(name: str, part: dict[str, Any]) -> str:
    meaning = inspect.cleandoc(part.get("description", ""))
    rows = [(f"`{key}`", _type_of(value), _default_of(value)) for key, value in part["properties"].items()]
    return f"**{name}** {meaning}\n\n{table(('key', 'value', 'default'), rows)}"


def _type_of(value: dict[str, Any]) -> str:
    if "anyOf" in value:
        found = [_type_of(each) for each in value["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(found))
    if "$ref" in value:
        return value["$ref"].rpartition("/")[2]
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if value.get("type") == "array":
        return f"list of {_type_of(value.get('items', {}))}"
    return str(value.get("type", "any"))


def _default_of(value: dict[str, Any]) -> str:
    default = value.get("default")
    return "" if default in (None, "", [], {}) else f"`{default}`"


def failures() -> str:
    """The catalogue that classifies every failure of a VM."""
    rows = [(f"`{each.id}`", each.kind.value, each.cause, each.fix) for each in CATALOGUE]
    return table(("signature", "kind", "cause", "what to do"), rows)


def dependencies() -> str:
    """What is installed, why, and under which licence."""
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["lab"], *extras["serve"]]
    rows = []
    for each in wanted:
        name = re.split(r"[<>=\[]", each)[0]
        why = re.search(rf'"{re.escape(each)}",\s*#\s*(.+)', text)
        rows.append((name, each.removeprefix(name), _licence(name), why[1] if why else "the lab"))
    return table(("package", "versions", "licence", "why"), rows)


def _licence(name: str) -> str:
    about = metadata.metadata(name)
    classifiers = [each.rpartition(":: ")[2] for each in about.get_all("Classifier", []) if "License" in each]
    said = about.get("License-Expression") or next(iter(classifiers), "") or about.get("License") or "?"
    return said.splitlines()[0][:40]


PARTS: dict[str, Callable[[], str]] = {
    "keys": keys, "cli": cli, "filters": filters, "plan": plan, "failures": failures,
    "dependencies": dependencies,
}  # fmt: skip


def generated(text: str) -> str:
    """The text with every part as the code has it now. Raises KeyError for a mark that names none."""
    return PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[3]}", text)


def stale_parts(text: str) -> list[str]:
    """Names of parts that differ from what the code says."""
    return [
        found[2] for found in PART.finditer(text) if found[0] != f"{found[1]}{PARTS[found[2]]()}\n{found[3]}"
    ]


def main() -> int:
    text = README.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        stale = stale_parts(text)
        stale += [] if PAGE.read_text(encoding="utf-8") == man_page() else [PAGE.name]
        if stale:
            sys.stderr.write(f"stale: {', '.join(stale)}; run python .ci/generate_readme.py\n")
        return int(bool(stale))
    README.write_text(generated(text), encoding="utf-8")
    PAGE.write_text(man_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
