"""The README claims what tests show, and nothing else."""

import ast
from pathlib import Path

from threat_model import CLAIMS

ROOT = Path(__file__).parents[2]


def claims_of_the_readme() -> set[str]:
    """What the second column of the table says, cut at semicolons."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## Threat model\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {claim.strip() for row in rows[2:] for claim in row[1].split(";")}


def test_every_claim_of_the_readme_has_tests_and_no_other_has() -> None:
    claimed = claims_of_the_readme()
    assert len(claimed) > 30
    assert claimed == set(CLAIMS)
    assert all(CLAIMS.values())


def test_the_tests_that_are_named_exist() -> None:
    wanted = {test for tests in CLAIMS.values() for test in tests}
    functions = {
        f"{name}::{node.name}"
        for name in {test.partition("::")[0] for test in wanted}
        for node in ast.parse((ROOT / name).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert wanted - functions == set()
