"""Every public function and class of the package is named by the package itself, not by tests alone."""

import ast
import re
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "v2s_tui"
FOR_TESTS = {"parse_filter": "one filter text; the product joins several"}
"""Why it stands there all the same."""
GUESTS_OF_TESTS = PACKAGE / "lab" / "guests"
"""Guests that slow tests build beside those of the lab's scenarios."""


def test_what_only_tests_call_is_not_here() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    named = Counter(word for text in texts.values() for word in re.findall(r"\w+", text))
    unused = [
        f"{path.relative_to(PACKAGE)}: {node.name}"
        for path, text in texts.items()
        if GUESTS_OF_TESTS not in path.parents
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.decorator_list
        and named[node.name] == 1
        and node.name not in FOR_TESTS
    ]
    assert unused == []
