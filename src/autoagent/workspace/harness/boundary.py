"""The boundary in the harness file: where it stands, and whether a candidate kept to its side.

Above the boundary is the editable part, below it the fixed section. What runs is always
`splice(candidate's editable part, baseline's fixed section)`, so an edit below the boundary
can never take effect; `check` refuses it only so that nobody believes it did.
"""

import ast
import codecs
import io
import re
import tokenize
import unicodedata
from collections.abc import Sequence

from autoagent.errors import BoundaryError
from autoagent.records import Record
from autoagent.workspace.harness import hints
from autoagent.workspace.harness.bindings import bindings, fixed_names, parse
from autoagent.workspace.harness.bindings import problems as binding_problems
from autoagent.workspace.harness.hints import model_pin

__all__ = ["Checked", "Split", "check", "model_pin", "splice", "split"]

MARKER = "# === FIXED ADAPTER BOUNDARY ==="
EDITABLE_LIMIT_BYTES = 256 * 1024
LISTED = 20
"""A candidate is told this many problems, and as many warnings."""

_SPELLING = re.compile(r"FIXED ADAPTER BOUNDARY|HARBOR ADAPTER\s*[-\u2013\u2014]+\s*fixed harness")
_OTHER_CASE = re.compile(r"fixed adapter boundary", re.IGNORECASE | re.ASCII)
_NO_LETTERS = re.compile(r"[^A-Z]+")
_SKELETONS = ("fixedadapterboundary", "harboradapterfixedharness")
_DECORATION = re.compile(r"#[\W_]*")
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")
_UNSAFE_NAMES = {"\0": "a NUL byte", "\f": "a form feed", "\v": "a vertical tab"}
_COOKIE = re.compile(rb"[ \t]*#.*?coding[:=][ \t]*([-\w.]+)")
_CONFUSABLE = str.maketrans(
    # Cyrillic and Greek capitals and digits that print as letters of the marker.
    "\u0410\u0412\u0415\u041d\u0406\u041c\u041e\u0420\u0422\u0423\u0425\u04ae\u0492"
    "\u0391\u0392\u0395\u0397\u0399\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03dc01|",
    "ABEHIMOPTYXYFABEHIMNOPTYXFOII",
)


class Split(Record):
    """A harness file in two. `line` is the first line of `fixed`, counted from 1."""

    editable: bytes
    fixed: bytes
    line: int


class Checked(Record):
    """A candidate's editable part, what is wrong with it, and what is doubtful.

    Any problem refuses the candidate; a warning is recorded with it.
    """

    editable: bytes
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def split(source: bytes, file: str) -> Split:
    """Find the one boundary of a harness file.

    The boundary is a comment of its own at the start of a line that says `FIXED ADAPTER
    BOUNDARY` or `HARBOR ADAPTER — fixed harness`. The fixed section begins there, or at the
    rule of `=` or `-` directly above it. A string that says so is not a boundary.

    Raises:
        BoundaryError: No boundary, two, a look-alike, bytes that editors and Python read
            differently, or a file that is not Python. Says the line and the remedy.
    """
    line, problems = 0, _byte_problems(source, file)
    if not problems:
        line, problems = _found(source, file)
    if problems:
        raise BoundaryError(problems[0])
    editable, fixed = _cut(source, line)
    for part in (editable, fixed):
        try:
            parse(part.decode())
        except SyntaxError as error:
            raise BoundaryError(
                f"{file}:{line}: the boundary stands inside a statement; "
                "move it between two statements of the module"
            ) from error
    return Split(editable=editable, fixed=fixed, line=line)


def splice(editable: bytes, fixed: bytes) -> bytes:
    """The file that runs: exactly the two parts, one after the other."""
    return editable + fixed


def check(
    source: bytes, canonical: Split, file: str, *, model: str | None, class_name: str
) -> Checked:
    """Check a candidate's file against the baseline's split.

    Problems that hide others come first: unsafe bytes, then a changed fixed section or an
    editable part that does not end by itself, then everything that needs its syntax tree.

    Args:
        source: The candidate's file, as it is on disk.
        canonical: The split of the unmodified baseline.
        file: The file's name, for messages.
        model: The pinned model, or None where the climb pins none.
        class_name: The Harbor agent class, which the fixed section must define.
    """
    problems = _byte_problems(source, file)
    if problems:
        return _refused(problems)
    editable = source.removesuffix(canonical.fixed)
    if len(editable) == len(source) or not (editable == b"" or editable.endswith(b"\n")):
        return _refused(_changed_section(source, canonical, file))
    if len(editable) > EDITABLE_LIMIT_BYTES:
        size = f"{len(editable)} bytes; the limit is {EDITABLE_LIMIT_BYTES}"
        return _refused([f"{file}:1: the editable part has {size}; take out what is not needed"])
    try:
        tree = parse(editable.decode())
    except SyntaxError as error:
        return _refused(
            [_syntax(error, file, "The part above the boundary must be whole by itself")]
        )
    above = editable.count(b"\n")
    problems = _tail(source, canonical, file, above) or _doubled(source, file, above)
    before = parse(canonical.editable.decode())
    names = fixed_names(canonical.fixed.decode())
    if class_name not in names.defined:
        problems.append(
            f"{file}:{above + 1}: the fixed section defines no class {class_name}; "
            "name the class it defines in autoagent.toml, `[harness] class`"
        )
    problems += binding_problems(bindings(tree), bindings(before), names, file, above)
    if "MODEL" not in names.defined:
        problems += hints.pin_problems(tree, before, model, file, above)
    problems += hints.blob_problems(tree, before, file)
    return Checked(
        editable=editable,
        problems=_listed(problems),
        warnings=_listed(hints.warnings(tree, names, model, file)),
    )


def _refused(problems: Sequence[str]) -> Checked:
    return Checked(editable=b"", problems=_listed(problems))


def _listed(lines: Sequence[str]) -> tuple[str, ...]:
    more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return (*lines[:LISTED], *more)


def _syntax(
    error: SyntaxError, file: str, because: str = "The file is not Python: mend that line"
) -> str:
    line = f" in `{text}`" if (text := (error.text or "").strip()[:80]) else ""
    return f"{file}:{error.lineno or 1}: {error.msg}{line}. {because}"


def _byte_problems(source: bytes, file: str) -> list[str]:
    """Bytes that Python, editors and people may read differently (threats A1, A2)."""
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        byte = f"0x{source[error.start]:02x}"
        return [f"{file}:{line}: byte {byte} is not UTF-8; save the file as UTF-8"]
    problems: list[str] = []
    if source.startswith(codecs.BOM_UTF8):
        problems.append(f"{file}:1: begins with a byte order mark; save it as UTF-8 without one")
        text = text[1:]
    problems += _line_ends(source, file)
    if unsafe := _UNSAFE.search(text):
        line = text.count("\n", 0, unsafe.start()) + 1
        code = f"U+{ord(unsafe[0]):04X}"
        name = _UNSAFE_NAMES.get(unsafe[0], "a control character")
        problems.append(
            f"{file}:{line}: holds {name} ({code}); write it as an escape, or delete it"
        )
    for number, line_bytes in enumerate(source.split(b"\n")[:2], start=1):
        cookie = _COOKIE.match(line_bytes.removeprefix(codecs.BOM_UTF8))
        if cookie and not _is_utf8(cookie[1].decode("ascii", "replace")):
            problems.append(
                f"{file}:{number}: declares the encoding {cookie[1].decode('ascii', 'replace')}; "
                "delete the declaration and save the file as UTF-8"
            )
    return problems


def _line_ends(source: bytes, file: str) -> list[str]:
    returns, pairs = source.count(b"\r"), source.count(b"\r\n")
    if not returns:
        return []
    if returns > pairs:
        lone = re.search(rb"\r(?!\n)", source)
        line = source.count(b"\n", 0, lone.start() if lone else 0) + 1
        return [f"{file}:{line}: a carriage return inside the line; delete it"]
    if pairs == source.count(b"\n"):
        remedy = rf"convert the file to LF: `sed -i 's/\r$//' {file}`"
        return [f"{file}:1: every line ends in CRLF; {remedy}"]
    line = source.count(b"\n", 0, source.index(b"\r\n")) + 1
    return [f"{file}:{line}: ends in CRLF while other lines end in LF; end every line in LF"]


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False


def _found(source: bytes, file: str) -> tuple[int, list[str]]:
    """The first line of the one boundary's block, and what is wrong where there is not one."""
    try:
        parse(source.decode())
    except SyntaxError as error:
        return 0, [_syntax(error, file)]
    lines, problems = _boundaries(source.decode(), file)
    return (0 if problems else _block(source, lines[0])), problems


def _boundaries(text: str, file: str) -> tuple[list[int], list[str]]:
    """The lines of the boundary comments, and why they are not exactly one good one."""
    lines, problems, nearly = _marks(text, file)
    if not lines and not problems:
        hint = f" (line {nearly[0]} resembles one)" if nearly else ""
        problems.append(
            f"{file}:1: has no boundary{hint}; put the line `{MARKER}` above the fixed section"
        )
    if len(lines) > 1:
        listed = ", ".join(str(line) for line in lines)
        problems.append(
            f"{file}:{lines[0]}: {len(lines)} boundaries, at lines {listed}; "
            "keep one and word the other comments differently"
        )
    return lines, problems


def _marks(text: str, file: str) -> tuple[list[int], list[str], list[int]]:
    """Lines of boundary comments, problems with look-alikes, lines spelled in another case."""
    lines: list[int] = []
    problems: list[str] = []
    nearly: list[int] = []
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    for token in (token for token in tokens if token.type == tokenize.COMMENT):
        line, column = token.start
        if _SPELLING.search(token.string):
            if column == 0:
                lines.append(line)
            else:
                problems.append(
                    f"{file}:{line}: a boundary is a comment of its own at the start of a line; "
                    "move it, or word this comment differently"
                )
        elif _OTHER_CASE.search(token.string):
            nearly.append(line)
        elif _resembles(token.string):
            problems.append(
                f"{file}:{line}: resembles the boundary but is spelled differently; "
                f"write `{MARKER}`, or word this comment differently"
            )
    return lines, problems, nearly


def _resembles(comment: str) -> bool:
    """Whether a comment, as the eye reads it, says what a boundary says."""
    read = _skeleton(comment)
    return any(skeleton in read for skeleton in _SKELETONS)


def _skeleton(comment: str) -> str:
    """A comment as the eye reads it: letters alone, without accents, in one case."""
    plain = unicodedata.normalize("NFKD", comment).upper().translate(_CONFUSABLE)
    return _NO_LETTERS.sub("", plain).lower()


def _block(source: bytes, line: int) -> int:
    """The first line of the boundary's block: its comment, or the rule directly above it."""
    lines = source.decode().split("\n")
    while line > 1 and _DECORATION.fullmatch(lines[line - 2]):
        line -= 1
    return line


def _cut(source: bytes, line: int) -> tuple[bytes, bytes]:
    lines = source.splitlines(keepends=True)
    return b"".join(lines[: line - 1]), b"".join(lines[line - 1 :])


def _changed_section(source: bytes, canonical: Split, file: str) -> list[str]:
    """Where a file that does not end in the canonical fixed section departs from it."""
    start, problems = _found(source, file)
    if problems:
        return problems
    now = _cut(source, start)[1].decode().split("\n")
    was = canonical.fixed.decode().split("\n")
    offset = next(
        (i for i, pair in enumerate(zip(now, was, strict=False)) if pair[0] != pair[1]),
        min(len(now), len(was)),
    )
    if offset < len(now) and was[offset:] in ([], [""]):
        what = "text was added after the end of the fixed section; delete it"
    elif now[offset:] == [] and was[offset:] == [""]:
        what = "the line feed at the end of the file is missing; restore it"
    elif now[offset:] in ([], [""]):
        what = "the end of the fixed section is missing; restore it"
    else:
        what = f"the fixed section was changed here; restore the line {_short(was[offset])}"
    return [f"{file}:{start + offset}: {what} and edit only above line {start}"]


def _short(line: str) -> str:
    return repr(line if len(line) <= 80 else line[:79] + "…")


def _doubled(source: bytes, file: str, above: int) -> list[str]:
    """A second boundary in the editable part, or a rule that touches the real one."""
    _, problems = _boundaries(source.decode(), file)
    if not problems and (start := _block(source, above + 1)) <= above:
        problems.append(
            f"{file}:{start}: this comment touches the boundary and would become part of it; "
            "put an empty line below it"
        )
    return problems


def _tail(source: bytes, canonical: Split, file: str, above: int) -> list[str]:
    """The spliced file must end in exactly the statements of the fixed section (threat A2)."""
    fixed = [ast.dump(node) for node in parse(canonical.fixed.decode()).body]
    try:
        body = parse(source.decode()).body
    except SyntaxError as error:
        return [_syntax(error, file, "The fixed section no longer parses below this editable part")]
    if [ast.dump(node) for node in body[len(body) - len(fixed) :]] == fixed:
        return []
    return [f"{file}:{above}: this changes how the fixed section is read; end the statement"]
