"""What a harness's source suggests: the model it pins, opaque blobs, doubtful constructs.

A scan of source text cannot stop a hostile harness; the process it runs in does. Blobs
and a changed pin are refused all the same, because no honest edit needs them; everything
else is a warning, so that an honest meta-agent learns early what will not work.
"""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator

from autoagent.workspace.harness.bindings import FixedNames, bindings, parse

BLOB_CHARACTERS = 80
"""A literal this long that looks encoded is refused."""

MANY_TURNS = 500

_AROUND = "reaches around the boundary; the isolated process makes it useless, so do without"
_BESIDE = "runs beside the harness, not in the task; use the environment's `exec`"
_BUILTINS = frozenset({"setattr", "delattr", "globals", "exec", "eval", "__import__"})
_MODULES = {"ctypes": _AROUND, "atexit": _AROUND, "subprocess": _BESIDE}
_DOTTED = {
    **dict.fromkeys(["sys.modules", "sys._getframe", "sys.meta_path", "sys.settrace"], _AROUND),
    **dict.fromkeys(["os.system", "os.popen", "os.fork"], _BESIDE),
}
_UNSEEN = re.compile(r"/logs/verifier|(?<![\w.~-])/(?:tests|solution)\b|\breward\.(?:txt|json)\b")
_ENCODED = re.compile(r"(?:[A-Za-z0-9+/=_-]{32,}\s+)*[A-Za-z0-9+/=_-]{32,}")
_HEX = re.compile(r"[0-9a-fA-F]+")


def not_installed(source: bytes) -> dict[str, int]:
    """Packages that a harness imports whenever it is loaded, and that are not here; their lines.

    What stands in a `try` or an `if` may be missing. Harnesses run with this very Python.
    """
    found: dict[str, int] = {}
    for node in ast.parse(source).body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            package = name.partition(".")[0]
            if package in sys.modules:  # also `__main__`, which has no spec to find
                continue
            if importlib.util.find_spec(package) is None:
                found.setdefault(package, node.lineno)
    return found


def pins(tree: ast.Module) -> list[tuple[int, str | None]]:
    """Every module-level binding of MODEL: its line, and its literal where it is a plain one."""
    literals: dict[int, str] = {}
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="MODEL")], value=ast.Constant(value=str(value)))
                | ast.AnnAssign(target=ast.Name(id="MODEL"), value=ast.Constant(value=str(value)))
            ):
                literals[node.lineno] = value
            case _:
                pass
    return [(b.line, literals.get(b.line)) for b in bindings(tree) if b.name == "MODEL"]


def pin_problems(
    tree: ast.Module, canonical: ast.Module, model: str | None, file: str, above: int
) -> list[str]:
    """How the editable part departs from the pinned model (threat A6; the gateway enforces it)."""
    found = pins(tree)
    pin = f'`MODEL = "{model}"`' if model is not None else 'one `MODEL = "..."`'
    if not found:
        missing = f"{file}:{above + 1}: MODEL is gone; put {pin} back above this line"
        return [missing] if pins(canonical) else []
    problems = [
        f"{file}:{line}: MODEL is bound again; keep only {pin}, at line {found[0][0]}"
        for line, _ in found[1:]
    ]
    line, literal = found[0]
    if literal is None:
        problems.insert(0, f"{file}:{line}: MODEL is not a plain string; write {pin}")
    elif model is not None and literal != model:
        problems.insert(
            0, f"{file}:{line}: MODEL is {literal!r}, but the model is pinned; write {pin}"
        )
    return problems


def blob_problems(tree: ast.Module, canonical: ast.Module, file: str) -> list[str]:
    """Literals that hold data nobody can review, unless the baseline holds them too.

    Encoded means: 80 characters or more of base64 or hex, in one word or in words of at
    least 32 (lines of base64); as many bytes of which 3 in 10 are not printable ASCII; or
    an integer of as many digits. Paths, rules of dashes, identifiers and prose are not.
    """
    known = {node.value for node in ast.walk(canonical) if isinstance(node, ast.Constant)}
    return [
        f"{file}:{node.lineno}: a literal of {size} characters looks encoded; "
        "write what it says in plain text, or leave it out"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value not in known and (size := _blob(node))
    ]


def warnings(tree: ast.Module, names: FixedNames, model: str | None, file: str) -> list[str]:
    """Constructs that gain nothing here, each with its line; never a refusal (threats A4, A6)."""
    found = {(line, what) for node in ast.walk(tree) for line, what in _doubts(node, names, model)}
    return [f"{file}:{line}: {what}" for line, what in sorted(found)]


def _doubts(node: ast.AST, names: FixedNames, model: str | None) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Name(ctx=ast.Load()) if node.id in _BUILTINS:
            yield node.lineno, f"`{node.id}` {_AROUND}"
        case ast.Attribute(ctx=ast.Load()) if (dotted := _dotted(node)) in _DOTTED:
            yield node.lineno, f"`{dotted}` {_DOTTED[dotted]}"
        case ast.Attribute(ctx=ast.Store() | ast.Del()):
            root = _dotted(node).split(".")[0]
            if root in names.used or root in names.defined:
                yield node.lineno, f"changes `{_dotted(node)}`, which the fixed section uses"
        case ast.Import() | ast.ImportFrom():
            for name in _imported(node):
                if why := _MODULES.get(name) or _DOTTED.get(name):
                    yield node.lineno, f"`{name}` {why}"
        case ast.keyword(arg="model", value=ast.Constant(value=str(value))):
            if model is not None and value != model:
                yield node.value.lineno, f"`model={value!r}` will be refused; the pin is {model!r}"
        case ast.keyword(arg="max_turns", value=ast.Constant(value=int(value))):
            yield from _turns(node.value.lineno, value)
        case ast.Assign(targets=[ast.Name(id="MAX_TURNS")], value=ast.Constant(value=int(value))):
            yield from _turns(node.lineno, value)
        case ast.Constant(value=str(value)) if match := _UNSEEN.search(value):
            line = node.lineno + (value.count("\n", 0, match.start()) if _tall(node) else 0)
            yield line, f"mentions `{match[0]}`, which only the verifier has"
        case _:
            pass


def _turns(line: int, turns: int) -> Iterator[tuple[int, str]]:
    if turns > MANY_TURNS:
        yield line, f"allows {turns} turns; budgets and clocks end a trial long before"


def _tall(node: ast.Constant) -> bool:
    """Whether a literal is written on as many lines as it holds."""
    lines = str(node.value).count("\n")
    return lines > 0 and node.end_lineno == node.lineno + lines


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain; empty where it does not start at a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _imported(node: ast.Import | ast.ImportFrom) -> Iterable[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    module = (node.module or "").split(".")[0]
    return [module, *(f"{node.module}.{alias.name}" for alias in node.names)]


def _blob(node: ast.Constant) -> int:
    """The length of a literal that looks encoded, else 0."""
    match node.value:
        case str(value):
            return max((_encoded(match[0]) for match in _ENCODED.finditer(value)), default=0)
        case bytes(value):
            odd = sum(byte < 32 or byte > 126 for byte in value)
            opaque = len(value) >= BLOB_CHARACTERS and odd * 10 >= len(value) * 3
            text = value.decode("latin-1")
            runs = max((_encoded(match[0]) for match in _ENCODED.finditer(text)), default=0)
            return len(value) if opaque else runs
        case int(value):
            digits = value.bit_length() * 3 // 10
            return digits if digits >= BLOB_CHARACTERS else 0
        case _:
            return 0


def _encoded(run: str) -> int:
    """The length of base64 or hex text, else 0.

    Base64 mixes cases and digits, and one of its characters in 32 at most is a separator:
    a path or an identifier has more of them.
    """
    run = "".join(run.split())
    if len(run) < BLOB_CHARACTERS:
        return 0
    if _HEX.fullmatch(run):
        return len(run) if len(set(run)) >= 8 else 0
    classes = (str.isdigit, str.isupper, str.islower)
    mixed = all(any(is_of(character) for character in run) for is_of in classes)
    separators = sum(run.count(character) for character in "/_-")
    return len(run) if mixed and len(set(run)) >= 20 and separators * 10 <= len(run) else 0


def model_pin(source: bytes) -> str | None:
    """The literal of the one module-level `MODEL = "..."`; None where there is none, or two."""
    try:
        found = pins(parse(source.decode()))
    except (SyntaxError, UnicodeDecodeError):
        return None
    return found[0][1] if len(found) == 1 else None
