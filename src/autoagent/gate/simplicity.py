"""How much harness there is: the measure C, and when a candidate counts as simpler.

C is meant for edits that take something away. It counts what a reader must understand and
what the model reads, so that renaming, reformatting, comments and type hints cost nothing,
and moving a prompt into a docstring, a byte string, a number or `.agent/` gains nothing.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping

_WORDS = re.compile(r"\w+|[^\w\s]")
_CHARACTERS_PER_UNIT = 4
_BITS_PER_UNIT = 20
"""Six decimal digits: a longer number holds data, like a string of its length."""


def complexity(editable: bytes, notes: Mapping[str, bytes]) -> int:
    """The measure C of a candidate: its AST nodes, and the units of its text.

    Not counted: load and store marks, annotations, comments, and plain docstrings. A
    docstring is not plain where a model may read it: on a function or class that is decorated
    (a tool) or passed on as a value, and everywhere if the code reads docstrings at all.

    Args:
        editable: The part of the harness above the boundary, which parses.
        notes: The files under `.agent/`, by path.

    Raises:
        SyntaxError: The editable part is not Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(editable.decode())
    plain = {id(statement) for statement in _plain_docstrings(tree)}
    total = 0
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.expr_context) or id(node) in plain:
            continue
        total += 1 + (_value_units(node.value) if isinstance(node, ast.Constant) else 0)
        todo += _without_annotations(node)
    return total + sum(_note_units(data) for data in notes.values())


def simpler_at(incumbent: int) -> int:
    """The largest C that counts as simpler than the incumbent's: 10 less, and 2 % less."""
    return incumbent - max(10, -(-incumbent // 50))


def is_simpler(candidate: int, incumbent: int) -> bool:
    """Whether C falls by 10 or more and by 2 % or more, so that trimming a word decides nothing."""
    return candidate <= simpler_at(incumbent)


def _text_units(text: str) -> int:
    """Words and punctuation marks, but at least one unit per four characters begun.

    White space is not counted, so taking it out of a prompt gains nothing.
    """
    characters = len("".join(text.split()))
    return max(len(_WORDS.findall(text)), -(-characters // _CHARACTERS_PER_UNIT))


def _note_units(data: bytes) -> int:
    try:
        return _text_units(data.decode())
    except UnicodeDecodeError:
        return -(-len(data) // _CHARACTERS_PER_UNIT)


def _value_units(value: object) -> int:
    match value:
        case str():
            return _text_units(value)
        case bytes():
            return _text_units(value.decode("latin-1"))
        case int():
            return value.bit_length() // _BITS_PER_UNIT
        case _:
            return 0


def _without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else (value,):  # pyright: ignore[reportUnknownVariableType]
            if isinstance(child, ast.AST):
                yield child


def _plain_docstrings(tree: ast.Module) -> Iterator[ast.stmt]:
    """The docstring statements that only a reader of the source sees."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    passed = {name.id for name in names if id(name) not in called}
    if _reads_docstrings(tree):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Module():
                plain = True
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                plain = not node.decorator_list and node.name not in passed
            case _:
                continue
        if plain and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0]


def _reads_docstrings(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("__doc__", "getdoc"))
        or (isinstance(node, ast.Name) and node.id == "__doc__")
        or (isinstance(node, ast.alias) and node.name == "getdoc")
        or (isinstance(node, ast.Constant) and node.value == "__doc__")
        for node in ast.walk(tree)
    )
