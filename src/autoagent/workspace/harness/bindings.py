"""Which names a module binds, and which of them the fixed section depends on.

Only module-level names matter: a name is bound there by a statement of the module itself,
or anywhere by a scope that declares it `global`. Code that binds by other means (setattr,
globals(), exec) is not seen here; what stops it is the harness's own process.
"""

import ast
import builtins
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence

from autoagent.records import Record

_IMPORT_WORDS = ("import ", "from ")
_DELETING = ("del", "except as")


class Binding(Record):
    """One place where a module-level name is bound, or deleted.

    `origin` is the import statement in its plain form, or the kind of any other binding;
    two bindings of a name with equal origins bind the same thing, as far as can be seen.
    """

    name: str
    line: int
    origin: str
    in_function: bool

    @property
    def is_import(self) -> bool:
        """Whether the name is imported; a star-import binds the name `*`."""
        return self.origin.startswith(_IMPORT_WORDS)

    @property
    def lasts(self) -> bool:
        """Whether the name exists afterwards: `except … as` deletes its name again."""
        return self.origin not in _DELETING and not self.in_function


class FixedNames(Record):
    """The module-level names of a fixed section.

    `defined` maps a name it binds to how; `used` maps a name it reads to the first line,
    counted from the top of the section.
    """

    defined: Mapping[str, frozenset[str]]
    used: Mapping[str, int]


def parse(text: str) -> ast.Module:
    """Parse, and compile, without printing the source's own warnings.

    Only the compiler finds a `return` outside a function or an argument named twice.

    Raises:
        SyntaxError: The text is not Python, or is nested too deeply for the parser.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
            compile(tree, "harness", "exec", dont_inherit=True)
        except (RecursionError, MemoryError, ValueError) as error:
            raise SyntaxError(f"cannot be parsed ({error})", ("", 1, 0, None)) from error
    return tree


def bindings(tree: ast.Module) -> list[Binding]:
    """Every binding of a module-level name, in the order of lines.

    Iterative, because a sum of five hundred strings is nested five hundred deep.
    """
    found: list[Binding] = []
    todo: list[tuple[ast.AST, frozenset[str] | None]] = [(tree, None)]
    while todo:
        node, declared = todo.pop()
        found += [
            Binding(name=name, line=line, origin=origin, in_function=declared is not None)
            for name, line, origin in _bound(node)
            if declared is None or name in declared
        ]
        todo += _children(node, declared)
    return sorted(found, key=lambda binding: binding.line)


def fixed_names(fixed: str) -> FixedNames:
    """What a fixed section defines and what it reads, from its own text."""
    tree = parse(fixed)
    defined: dict[str, frozenset[str]] = {}
    for binding in bindings(tree):
        defined[binding.name] = defined.get(binding.name, frozenset()) | {binding.origin}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = set(_read(symtable.symtable(fixed, "fixed", "exec")))
    used = dict.fromkeys(names, 1)
    for node in sorted(
        (node for node in ast.walk(tree) if isinstance(node, ast.Name)),
        key=lambda node: -node.lineno,
    ):
        if node.id in used:
            used[node.id] = node.lineno
    return FixedNames(defined=defined, used=used)


def problems(
    editable: Sequence[Binding],
    canonical: Sequence[Binding],
    names: FixedNames,
    file: str,
    above: int,
) -> list[str]:
    """What the editable part does to names the fixed section relies on (threat A3).

    Whatever the baseline's own editable part does is allowed, so a baseline never breaks
    this rule. Names the fixed section calls but the harness defines (`run_task`) may be
    redefined in any way; imported names must stay the import they were. MODEL has a rule
    of its own (`hints.pin_problems`).

    Args:
        editable: The candidate's bindings.
        canonical: The baseline's bindings.
        names: What the fixed section defines and reads.
        file: The harness's name, for messages.
        above: Lines above the fixed section in the candidate.
    """
    found = [
        f"{file}:{binding.line}: {complaint}"
        for binding in editable
        if (complaint := _complaint(binding, canonical, names)) is not None
    ]
    bound = {binding.name for binding in editable if binding.lasts}
    for name, line in sorted(names.used.items(), key=lambda item: item[1]):
        before = [binding for binding in canonical if binding.name == name and binding.lasts]
        if before and name not in bound and name not in {*names.defined, "MODEL"}:
            mend = f"`{before[0].origin}`" if before[0].is_import else f"`{name}`"
            found.append(
                f"{file}:{above + line}: the fixed section uses `{name}`, which nothing above "
                f"the boundary binds any more; put {mend} back"
            )
    return found


def _complaint(binding: Binding, canonical: Sequence[Binding], names: FixedNames) -> str | None:
    """Why a binding is refused, and how to mend it; None where it is allowed."""
    name, origin = binding.name, binding.origin
    before = [other for other in canonical if other.name == name]
    if any(other.origin == origin and other.in_function == binding.in_function for other in before):
        return None
    if name == "*":
        return f"`{origin}` could rebind any name of the fixed section; import names one by one"
    what = f"{'binds' if origin != 'del' else 'deletes'} `{name}` ({origin})"
    if name in names.defined:
        repeats = binding.is_import and not binding.in_function and origin in names.defined[name]
        return None if repeats else f"{what}, which the fixed section defines; use another name"
    if name == "__builtins__":
        return f"{what}, which every function looks names up in; use another name"
    if name not in names.used:
        return None
    if not before:
        kind = "the builtin " if hasattr(builtins, name) else ""
        return f"{what}, but the fixed section uses {kind}`{name}`; use another name"
    if all(other.is_import for other in before):
        return f"{what}, but the fixed section needs `{before[0].origin}`; use another name"
    if origin in _DELETING:
        return f"{what}, but the fixed section uses it; use another name"
    return None


def _read(table: symtable.SymbolTable) -> Iterator[str]:
    """Global names that a scope or one inside it reads."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _read(child)


def _bound(node: ast.AST) -> Iterator[tuple[str, int, str]]:
    """The names one node binds in its own scope: name, line, origin."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name, node.lineno, "def"
        case ast.ClassDef():
            yield node.name, node.lineno, "class"
        case ast.Name(ctx=ast.Store()):
            yield node.id, node.lineno, "assignment"
        case ast.Name(ctx=ast.Del()):
            yield node.id, node.lineno, "del"
        case ast.ExceptHandler(name=str(name)):
            yield name, node.lineno, "except as"
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, node.lineno, "match"
        case ast.MatchMapping(rest=str(name)):
            yield name, node.lineno, "match"
        case ast.Import():
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                plain = name if alias.asname in (None, alias.name) else alias.name
                renamed = "" if plain == name else f" as {name}"
                yield name, alias.lineno, f"import {plain}{renamed}"
        case ast.ImportFrom():
            for alias in node.names:
                name = alias.asname or alias.name
                renamed = "" if name == alias.name else f" as {name}"
                module = "." * node.level + (node.module or "")
                yield name, alias.lineno, f"from {module} import {alias.name}{renamed}"
        case _:
            pass


def _children(
    node: ast.AST, declared: frozenset[str] | None
) -> list[tuple[ast.AST, frozenset[str] | None]]:
    """The nodes inside a node, each with the globals its scope declares; None is the module."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            outer = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
            return _both(outer, declared, node.body, _declared(node.body))
        case ast.ClassDef():
            outer = [*node.decorator_list, *node.bases, *node.keywords]
            return _both(outer, declared, node.body, _declared(node.body))
        case ast.Lambda():
            return _both([node.args], declared, [node.body], frozenset())
        case ast.comprehension():
            # Its targets are its own; a walrus in any part of it binds outside.
            walruses = [n for n in ast.walk(node.target) if isinstance(n, ast.NamedExpr)]
            return _both([*walruses, node.iter, *node.ifs], declared, [], None)
        case ast.AnnAssign(value=None, target=ast.Name()):
            return [(node.annotation, declared)]  # a bare annotation binds nothing
        case _:
            return _both(ast.iter_child_nodes(node), declared, [], None)


def _both(
    outer: Iterable[ast.AST],
    declared: frozenset[str] | None,
    inner: Iterable[ast.AST],
    inside: frozenset[str] | None,
) -> list[tuple[ast.AST, frozenset[str] | None]]:
    return [(node, declared) for node in outer] + [(node, inside) for node in inner]


def _declared(body: Sequence[ast.AST]) -> frozenset[str]:
    """Names a scope declares global, without those of scopes inside it."""
    names: set[str] = set()
    todo = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Global):
            names.update(node.names)
        elif not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        ):
            todo += ast.iter_child_nodes(node)
    return frozenset(names)
