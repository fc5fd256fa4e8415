"""docs/security.md is true of the tests: what it names is there, and nothing is missing in it."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
NODE = re.compile(r"`(tests/\w+\.py)(?:::(\w+))?`")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| |")]
CASE = re.compile(r"\| ([A-Z][0-9]+) \|")

# What must hold from the first release of its part on.
CASES = """
A1 A2 A7 A9 A11 A12 A14 A15 A16 A21 A22 A23 A24 A26 B1 B4 B6 B8
C2 C3 C5 C7 C9 C10 C11 C17 C19 D1 D2 D3 D4 D5 D7 D8 D9 D10 D12 E1 E2 E6
J1 J2 J5 J7 J8 J12 K1 K2 K3 K4 K5 K6 L1 L2 L3 L4 L5 L6 L7 L9 L11 L15 L17 L20
M1 M2 M4 M5 M8 M9 M11 M18
Q1 Q3 Q4 Q5 Q6 Q7 Q8 Q9 Q10 Q11 Q12 Q13 Q17 Q18 Q19 Q20
"""


@lru_cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@pytest.mark.parametrize("file", sorted({match[1] for match in NODE.finditer(TEXT)}))
def test_every_test_that_is_named_is_there(file: str) -> None:
    """By its file and its name."""
    named = {match[2] for match in NODE.finditer(TEXT) if match[1] == file and match[2]}

    assert (ROOT / file).is_file()
    assert named <= functions_of(file)


def test_every_case_is_there_once() -> None:
    """With a sentence of what comes, one of what happens, and a test."""
    rows = {found[1]: row for row in ROWS if (found := CASE.match(row))}

    assert len(rows) == len([row for row in ROWS if CASE.match(row)])
    assert set(CASES.split()) <= rows.keys()
    for row in rows.values():
        _, _, comes, happens, guards, _ = re.split(r" ?\| ?", row)
        assert comes
        assert happens
        assert NODE.search(guards), row


def test_every_promise_and_rule_has_a_test() -> None:
    """Nine of each."""
    promises = [row for row in ROWS if re.match(r"\| P[1-9]: ", row)]
    rules = TEXT.partition("## Rules")[2].partition("## Cases")[0].splitlines()
    rules = [row for row in rules if row.startswith("| ") and not row.startswith("| rule")]

    assert [row[2:4] for row in promises] == [f"P{number}" for number in range(1, 10)]
    assert len(rules) == 9
    assert all(NODE.search(row) for row in (*promises, *rules))


def test_no_nodeinfo_is_asked_for() -> None:
    """Ours is served; that of others is looked for nowhere, so nothing in it can lead anywhere."""
    users = {
        path.relative_to(ROOT).as_posix()
        for folder in ("cache", "cli", "config", "crawler", "spiders")
        for path in (ROOT / folder).rglob("*.py")
        if "nodeinfo" in path.read_text("utf-8").lower()
    }

    assert users == {"crawler/public.py", "crawler/instance_documents.py"}
