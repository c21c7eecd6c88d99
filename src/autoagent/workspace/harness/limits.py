"""What a harness's source says of how long an answer of its model may be.

It is read, not run: a hint for the human before a night. What a call may cost, the gateway decides.
"""

import ast
import re

NAMES = (
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
)
"""What a limit on an answer is called: by the providers and their SDKs, and by Claude Code."""
_NAMED = re.compile(r"\b({})\b".format("|".join(NAMES)))


def output_limits(source: bytes) -> tuple[int, ...] | None:
    """The limits, in tokens, that a harness sets on its model's answers.

    Returns:
        Every limit whose number stands in the source, smallest first; empty where there is one
        whose number does not, and None where there is none at all.
    """
    text = source.decode("utf-8", "replace")
    if not _NAMED.search(text):
        return None
    tree = ast.parse(text)
    numbers = dict(_numbers(tree))
    found = [_number(value, numbers) for node in ast.walk(tree) for value in _limits(node)]
    return () if None in found else tuple(sorted({limit for limit in found if limit}))


def _limits(node: ast.AST) -> list[ast.expr]:
    """The values that a node gives to a limit's name: of a keyword, in a table, or assigned."""
    match node:
        case ast.keyword(arg=str(name), value=value) if name in NAMES:
            return [value]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return [v for k, v in pairs if isinstance(k, ast.Constant) and k.value in NAMES]
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(name)))], value=value):
            return [value] if name in NAMES else []
        case _:
            return []


def _numbers(tree: ast.Module) -> list[tuple[str, int]]:
    """The module's names that are bound to a number."""
    return [
        (target.id, value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(value := node.value.value, int)
    ]


def _number(value: ast.expr, numbers: dict[str, int]) -> int | None:
    match value:
        case ast.Constant(value=int(number)):
            return number
        case ast.Constant(value=str(text)) if text.isdecimal():
            return int(text)
        case ast.Name(id=name):
            return numbers.get(name)
        case ast.Call(func=ast.Name(id="str"), args=[only], keywords=[]):
            return _number(only, numbers)
        case _:
            return None
