"""What a task's verifier says that it uses, as far as the text of its files tells.

Two readers: the rule of tampering asks which tools it runs and which directories it names, and a
human is told of lines by which a candidate may decide its own grade. It runs nothing, and a
verifier that hides its words is not understood: notes never refuse a task.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from autoagent.errors import WorkspaceError
from autoagent.files import read_regular

FILE_LIMIT = 256 * 1024
FILES_LIMIT = 500
_SCRIPTS = (".sh", ".bash", "")
_TEXTS = (
    *_SCRIPTS,
    ".py",
    ".js",
    ".mjs",
    ".ts",
    ".rb",
    ".pl",
    ".toml",
    ".ini",
    ".cfg",
    ".go",
    ".rs",
    ".cjs",
    ".json",
    ".yaml",
    ".yml",
    ".mk",
)


class Words(NamedTuple):
    """A pattern, and words without one of which nothing matches: most lines have none."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]

    def may(self, text: str) -> bool:
        """Whether it is worth a look."""
        return any(word in text for word in self.words)

    def search(self, text: str) -> re.Match[str] | None:
        """The first place in a line."""
        return self.pattern.search(text) if self.may(text) else None

    def findall(self, text: str) -> list[str]:
        """What all places in a line say."""
        return self.pattern.findall(text) if self.may(text) else []


def _words(*words: str, of: str) -> Words:
    return Words(words, re.compile(of))


_PLACE = _words("/", of=r"(?<![\w./}-])/[\w@+-][\w.@+-]*(?:/[\w.@+-]+)*")
_OTHERS = ("/tests", "/solution", "/logs", "/verifier", "/dev", "/proc", "/sys")
_SYSTEM = ("/bin", "/lib", "/lib64", "/sbin", "/usr", "/etc", "/python")
_HOME = r"(?:~|\$\{?HOME\}?|/root|/home/\w+)(?=/)"
_AT_HOME = _words("~", "HOME", of=r"(?:~|\$\{?HOME\}?)/([\w.-]+)")
_IS_HOME = ("~", "HOME", "/root/", "/home/")
_READS_HOME = (
    (
        _words(*_IS_HOME, of=rf"(?:^|[;&|]\s*|\s)(?:\.|source)\s+[\"']?{_HOME}"),
        "sources a file of HOME",
    ),
    (
        _words("sh", of=r"\b(?:ba|z|da|k)?sh\s+(?:-\w*[li]\w*|--login)\b"),
        "starts a shell that reads HOME",
    ),
    (_words("PATH=", of=rf"\bPATH=[^\s;]*{_HOME}"), "looks for programs in HOME"),
)
_DOWNLOADS = re.compile(
    r"\b(?:curl|wget)\b[^|;#]*\S|\b(?:apt|apt-get|apk|dnf|yum|brew|conda|mamba)\s+(?:-\S+\s+)*"
    r"(?:install|add)\b|\bpip3?\s+install\b|\buv\s+(?:pip\s+install|sync|tool\s+install|add)\b|"
    r"\buvx\b|\buv\s+run\b|\bnpx\b|\bnpm\s+(?:i|ci|install)\b|\bgem\s+install\b|\bcargo\s+install\b|"
    r"\bgo\s+install\b|\bgit\s+clone\b"
)
_LOOPBACK = re.compile(r"\b(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)\b")
_RUNNERS = (
    r"(?:python[\d.]*|node|bash|sh|ruby|perl|java\s+-jar|php|Rscript|deno|bun|tsx|source|\.|exec|sudo|"
    r"timeout\s+\S+|env)"
)
_PROGRAM = rf"(?:^|[;&|(]|\$\(|\bif\s|\bthen\s)\s*(?:{_RUNNERS}\s+(?:-\w+\s+)*)*[\"']?(?<![\w./-])"
_TOOLS = re.compile(
    r"\b(?:make|npm\s+(?:test|run|start)|yarn|pnpm|cargo\s+(?:test|run|build)|go\s+(?:test|run|build)"
    r"|mvn|gradle|\./gradlew|uv\s+run|bundle\s+exec|rake|tox|cmake|ctest)\b"
)
_IMPORTS = _words(
    *("py", "PYTHONPATH", "uv", "tox", "sys.", "import_module", "unittest"),
    of=r"\bpytest\b|\bpy\.test\b|\buvx?\b|\btox\b|\bPYTHONPATH\b|\bsys\.path\b|\bimport_module\b|\brunpy\b|"
    r"\b(?:python[\d.]*|pypy\d?|sys\.executable)[\"']?,?(?:\s+[\"']?-\w+[\"']?,?)*"
    r"\s+[\"']?(?:-\w*[cm]\b|-(?=\s|[\"']|$)|<)|\|\s*python[\d.]*\s*(?:$|[;&|)])|\bunittest\b|\b[ib]?python[\d.]*\s*$",
)
"""How a Python finds modules in the directory that it stands in, or in one that is named."""
_VARIABLE = re.compile(r"[A-Z_]+\s*=")
_PYTEST = _words("py", "tox", of=r"\b(?:pytest|py\.test|tox)\b")
_COPIES = _words("/tests", of=r"\bcp\b.*/tests\b")
_SCRIPT = _words(
    "py",
    of=r"(?<![\w./-])(?:python[\d.]*|pypy\d?)(?:\s+-[A-Za-z]+)*\s+[\"']?(?!/tests|/verifier|[$-])[\w./]",
)
"""A Python that is given a script which is not the verifier's own."""
_SEARCHES = _words("PATH=", of=r"\bPATH=[\"']?([^\s\"';]+)")
_MAKES = _words(
    "tmp/",
    of=r"(?:--target|--prefix|--root|\s-t|\s-o|\s-O|--output|>|\bvenv(?:\s+-\S+)*|\bvirtualenv|\bclone\s.*|"
    r"\bmkdir(?:\s+-\w+)*)[=\s]*[\"']?(/(?:var/)?tmp/[\w.@+/-]+)",
)
_PACKAGES = _words("pip", of=r"\bpip3?\s+install\s+([^|;&]*)")
_PACKAGE = re.compile(r"(?:^|(?<=[\s\"']))[A-Za-z][\w.-]*")
_RUNNER = ("_pytest", "pluggy", "iniconfig", "packaging", "pygments")
"""What comes with pytest."""


@dataclass(frozen=True, eq=False)
class Verifier:
    """The words of a verifier's files; what they say is worked out once.

    Attributes:
        lines: File, number and text of each line that is no comment.
    """

    lines: tuple[tuple[str, int, str], ...]

    @cached_property
    def _text(self) -> str:
        return "\n".join(text for _, _, text in self.lines)

    def _all(self, what: Words) -> list[str]:
        """What all places in all lines say."""
        if not what.may(self._text):
            return []
        return [one for _, _, text in self.lines for one in what.findall(text)]

    @cached_property
    def _mentioned(self) -> dict[tuple[str, ...], bool]:
        return {}

    def mentions(self, *words: str) -> bool:
        """Whether one of these words stands in it."""
        if words not in self._mentioned:
            named = [re.escape(word) for word in words if word in self._text]
            found = rf"(?<![\w-])(?:{'|'.join(named)})(?!\w)"
            self._mentioned[words] = bool(named) and re.search(found, self._text) is not None
        return self._mentioned[words]

    @cached_property
    def imports(self) -> bool:
        """Whether a Python of its may import from the directories that it stands in or names.

        One that is given a script looks beside that, and nowhere else.
        """
        copies = bool(self._all(_COPIES))
        return any(
            _IMPORTS.search(text)
            or (copies and PurePosixPath(file).suffix in _SCRIPTS and _SCRIPT.search(text))
            for file, _, text in self.lines
        )

    @cached_property
    def places(self) -> frozenset[str]:
        """Absolute paths that it names, but for its own and the system's."""
        named = {one.rstrip(".") for one in self._all(_PLACE)}
        return frozenset(one for one in named if not _below(one, (*_OTHERS, *_SYSTEM)))

    @cached_property
    def names_at_home(self) -> frozenset[str]:
        """Names in HOME that it gives, relative to HOME, but to run or source what is there."""
        return frozenset(
            one
            for _, _, text in self.lines
            if (found := _AT_HOME.findall(text)) and "PATH=" not in text
            if not any(way.search(text) for way, _ in _READS_HOME)
            for one in found
        )

    @cached_property
    def path(self) -> tuple[str, ...]:
        """Directories that it puts into its PATH; `.` is the one that it stands in."""
        named = (one for value in self._all(_SEARCHES) for one in value.split(":"))
        return tuple("." if one in ("", ".", "$PWD", "${PWD}") else one for one in named)

    @cached_property
    def makes(self) -> frozenset[str]:
        """What it makes or fills in /tmp, where nobody else may have been before it."""
        return frozenset(self._all(_MAKES))

    @cached_property
    def installs(self) -> frozenset[str]:
        """Packages of Python's that it installs for itself, as their directories are named."""
        given = " ".join(self._all(_PACKAGES))
        found = {one.lower().replace("-", "_") for one in _PACKAGE.findall(given)}
        return frozenset(found | {*_RUNNER} if "pytest" in found else found)

    def tests_work(self, work: str) -> bool:
        """Whether pytest is run on what lies in the work directory, or was copied there."""
        for _, _, text in self.lines:
            words = text[match.end() :] if (match := _PYTEST.search(text)) else ""
            if match and ("/tests" not in words or f"{work}/" in words):
                return True
            if _COPIES.search(text):
                return True
        return False


@lru_cache(maxsize=1024)
def read_verifier(task: Path) -> Verifier:
    """The verifier of a frozen task, whose files do not change any more."""
    return Verifier(tuple(_lines(task)))


def notes(scripts: Mapping[str, bytes], work: str = "/app") -> list[str]:
    """What a human should know of a verifier, by the lines of its scripts: `tests/test.sh:4: …`.

    The lines themselves are not told: what tells of tasks is read by the meta-agent too.
    """
    found: list[str] = []
    for file, data in sorted(scripts.items()):
        if PurePosixPath(file).suffix in _SCRIPTS and "/Dockerfile" not in file:
            for _, number, text in _texts(file, data):
                found += [f"{file}:{number}: {said}." for said in _noted(text, work)]
    return found


def _noted(text: str, work: str) -> Iterator[str]:
    for pattern, said in _READS_HOME:
        if pattern.search(text):
            yield f"{said}, which is the image's again when it verifies"
            break
    if _DOWNLOADS.search(text) and not _LOOPBACK.search(text):
        yield "downloads its tools when it verifies: the grade depends on what is there then"
    run = re.findall(rf"{_PROGRAM}((?:\.|/[\w.-]+)/[\w./-]+)", text)
    if _TOOLS.search(text) or any(_below(one, (".", work)) for one in run):
        yield "runs files of the work directory, which the candidate may write"
    elif any("/bin/" not in one and not _below(one, (*_OTHERS, *_SYSTEM, "/root")) for one in run):
        yield "runs a file that is no part of the system, which the candidate may write"


def _lines(task: Path) -> Iterator[tuple[str, int, str]]:
    with contextlib.suppress(OSError, WorkspaceError):  # what it finds set
        settings = read_regular(task / "task.toml", FILE_LIMIT)
        yield from (one for one in _texts("task.toml", settings) if _VARIABLE.match(one[2]))
    directories = [task / "tests", *sorted(task.glob("steps/*/tests"))]
    files = (path for directory in directories for path in sorted(directory.rglob("*")))
    for _, path in zip(range(FILES_LIMIT), files, strict=False):
        if path.suffix not in _TEXTS or not path.is_file():
            continue
        try:
            yield from _texts(path.relative_to(task).as_posix(), read_regular(path, FILE_LIMIT))
        except (OSError, WorkspaceError):  # too large to be a script
            continue


def _texts(file: str, data: bytes) -> Iterator[tuple[str, int, str]]:
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield file, number, line


def _below(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)
