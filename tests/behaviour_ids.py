"""Holds docs/behaviour.md and the tests against each other: `python -m tests.behaviour_ids`.

A statement of the page is a list item that begins with its id. One that ends in "(planned)" does not act
yet; every other needs a test that names it, by `@pytest.mark.behaviour("N2")` or by a story in
`behaviour = ["N2"]`.
Exit code 1 when one has none, or when a test names an id that the page does not have.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATEMENT = re.compile(
    r"^\s*[-*]\s+\W*([PRNBDOAVWIEHM]\d+)\b(.*?)(?=^\s*[-*]\s|^#|^\s*$|\Z)", re.MULTILINE | re.DOTALL
)
PLANNED = "(planned)"


def statements(page: str) -> dict[str, bool]:
    """The ids of the page in its order, each with whether it is planned."""
    return {found[1]: found[2].rstrip(" .\n").endswith(PLANNED) for found in STATEMENT.finditer(page)}


def marks(source: str) -> Iterator[str]:
    """The ids in the `behaviour(...)` marks of a test file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.behaviour"):
            yield from (str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))


def proofs(root: Path) -> dict[str, list[str]]:
    """Each id that a test or a story of the project names, with the files that do."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name in marks(path.read_text("utf-8")):
            found.setdefault(name, []).append(str(path.relative_to(root)))
    for path in sorted((root / "sipp_scenarios").glob("*/story.toml")):
        for name in tomllib.loads(path.read_text("utf-8")).get("behaviour", []):
            found.setdefault(name, []).append(str(path.relative_to(root)))
    return found


def report(page: str, named: dict[str, list[str]]) -> tuple[list[str], int]:
    """The lines to print and the exit code."""
    known = statements(page)
    lines, wrong = [], 0
    for name, planned in known.items():
        if not planned and name not in named:
            lines.append(f"{name}: no test names it")
            wrong += 1
    for name in sorted(named.keys() - known.keys()):
        lines.append(f"{name}: not in docs/behaviour.md, but named by {', '.join(sorted(set(named[name])))}")
        wrong += 1
    later = [name for name, planned in known.items() if planned]
    lines.append(f"Planned: {' '.join(later) or 'none'}")
    acting = len(known) - len(later)
    lines.append(f"Behaviour: {acting} statements act, {wrong} problems, {len(later)} are planned")
    return lines, 1 if wrong or not known else 0


def main() -> int:
    """Print the report for this project; the exit code says whether it is in order."""
    lines, code = report((ROOT / "docs" / "behaviour.md").read_text("utf-8"), proofs(ROOT))
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
