"""Every rule has a test, and every rule a test names exists."""

import ast
import tomllib
from pathlib import Path

TESTS = Path(__file__).parent


def named_rules() -> dict[str, list[str]]:
    """Rules by the tests that carry `@pytest.mark.rule(...)`."""
    found: dict[str, list[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule":
                    for name in mark.args:
                        found.setdefault(ast.literal_eval(name), []).append(node.name)
    return found


def test_every_rule_has_a_test_and_every_named_rule_exists() -> None:
    rules = set(tomllib.loads((TESTS / "requirements.toml").read_text()))
    assert set(named_rules()) == rules
