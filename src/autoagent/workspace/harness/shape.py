"""What kind of edit a candidate is, read from its syntax alone. It serves advice, no verdict."""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Literal, get_args

from autoagent.gate.simplicity import is_simpler

Kind = Literal[
    "a tool", "a check of the result", "a simpler harness", "skills", "settings", "words"
]
"""What an edit may be; it may be several, or none that has a name here."""

KINDS: tuple[Kind, ...] = get_args(Kind)
_TOOL = re.compile(r"tool", re.I)
_CHECK = re.compile(r"check|verif|validat|assert|confirm|double-check|re-?read|\btest", re.I)


def kinds_of(
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    harness: str,
    complexity: tuple[int, int],
) -> tuple[Kind, ...]:
    """What an edit is, in the order of `KINDS`.

    Args:
        before: The harness and `.agent/**` that was edited, by path.
        after: The same of the candidate; its harness parses.
        harness: The harness's file name.
        complexity: The measure C of both.
    """
    old, new = (_Words(files[harness]) for files in (before, after))
    notes = [{k: v for k, v in files.items() if k != harness} for files in (before, after)]
    found: dict[Kind, bool] = {
        "a tool": new.tools > old.tools,
        "a check of the result": new.checks > old.checks,
        "a simpler harness": is_simpler(complexity[1], complexity[0]),
        "skills": notes[0] != notes[1],
        "settings": new.structure == old.structure and new.numbers != old.numbers,
        "words": new.structure == old.structure and new.strings != old.strings,
    }
    return tuple(kind for kind in KINDS if found[kind])


class _Words:
    """A harness's identifiers, texts and numbers, and its structure without them."""

    def __init__(self, source: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.decode())
        self.strings: Counter[str] = Counter()
        self.numbers: Counter[str] = Counter()
        names: list[str] = []
        decorated = 0
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=str() as text):
                    self.strings[text] += 1
                    node.value = ""
                case ast.Constant(value=value):
                    self.numbers[repr(value)] += 1
                    node.value = None
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    names.append(node.name)
                    decorated += len(node.decorator_list)
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                    names.append(name)
                case ast.keyword(arg=str() as name):
                    names.append(name)
                case _:
                    pass
        self.structure = ast.dump(tree)
        self.tools = decorated + sum(bool(_TOOL.search(name)) for name in names)
        self.checks = sum(len(_CHECK.findall(text)) for text in [*names, *self.strings.elements()])
