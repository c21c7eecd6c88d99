"""What of a candidate's changes would steer its verifier: the one rule for every environment.

The verifier starts with what the image had (threats C3, C4, C6, C7):

- *Restored* is what programs read unasked and honest work leaves too: HOME, `/etc`'s profiles and
  tools' settings, compiled modules, `.pth` files that run code, the entry by which a package of
  Python's becomes a plugin of pytest's. It is made again as the image has it, and no verdict.
- *Tampering* is an existing program or library that is another now, a new one that hides it (a
  command earlier on the PATH, a module beside the standard library's, a module in the work
  directory by the name of one that the verifier imports), what an interpreter or the loader
  starts with, and settings in or above the work directory of a tool that the verifier runs.
- New files that hide nothing are honest: an `apt install` leaves thousands.

A task whose oracle needs it (rule R1) is verified `as_left`: then nothing is restored, the work
directory is not judged, and its trials say so. What reads the changes is each environment's own.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autoagent.environments.ground import Ground, below

MODIFIED, ADDED, DELETED = 0, 1, 2
"""Kinds of change, as the Docker Engine's API numbers them (ContainerChanges)."""

ABOVE = frozenset(
    ["conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml"]
    + ["tox.ini", "setup.cfg", "setup.py", "sitecustomize.py", "usercustomize.py", "node_modules"]
    + ["package.json", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", ".cargo", "go.work"]
    + ["rust-toolchain", "rust-toolchain.toml", "uv.toml", ".python-version", ".tool-versions"]
    + [".mvn", ".bundle", ".rspec", ".condarc", ".git", ".gemrc", "Cargo.toml", "go.mod"]
)
"""Names in what holds the work directory that tools take for their own, from below."""
_PYTESTS = frozenset(
    ["conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini"]
)
_TOOLS = {
    ".npmrc": ("npm", "npx", "pnpm"),
    ".yarnrc": ("yarn",),
    ".yarnrc.yml": ("yarn",),
    ".pnpmfile.cjs": ("pnpm",),
    "pnpm-workspace.yaml": ("pnpm",),
    ".cargo/config": ("cargo",),
    ".cargo/config.toml": ("cargo",),
    "rust-toolchain": ("cargo", "rustc"),
    "rust-toolchain.toml": ("cargo", "rustc"),
    "go.work": ("go",),
    "vendor/modules.txt": ("go",),
    "uv.toml": ("uv", "uvx"),
    ".python-version": ("uv", "uvx", "pyenv"),
    ".tool-versions": ("asdf", "mise"),
    "GNUmakefile": ("make",),
    ".rspec": ("rspec", "rake", "bundle"),
    ".bundle/config": ("bundle", "rake"),
    ".irbrc": ("irb",),
    ".mvn/jvm.config": ("mvn", "mvnw"),
    ".mvn/maven.config": ("mvn", "mvnw"),
    ".mvn/extensions.xml": ("mvn", "mvnw"),
    ".gdbinit": ("gdb",),
    ".env": ("uv", "docker", "dotenv", "pipenv"),
}
"""Settings in a work directory, and the tools that read them there."""
TOOL_FILES = tuple(_TOOLS)
_RESTORED = re.compile(
    r"/etc/(?:profile|profile\.d/.*|bash\.bashrc|bashrc|bash_completion\.d/.*|zsh/.*|zshenv|environment|"
    r"inputrc|pip\.conf|gitconfig|gitattributes|npmrc|wgetrc|curlrc|uv/.*|xdg/.*|conda/.*|"
    r"sqliterc|gemrc|perl/.*|python[\d.]*/.*|ld\.so\.conf\.d/.*|hosts|skel/.*)|"
    r"(?:/usr(?:/local)?)?/etc/npmrc|/var/lib/conda/\.?condarc"
)
"""The system's settings of shells and tools. What a service reads is the task's."""
_OF_PREFIX = re.compile(
    r"/(?:etc/.*|pip\.conf|npmrc|\.?condarc(?:\.d/.*)?|conda-meta/state|gitconfig)"
)
_LOADED = ("/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/nsswitch.conf")
_INITS = frozenset(["/sbin/docker-init", "/usr/sbin/docker-init"])
"""The daemon's own init, which it mounts over whatever is there; /sbin may be a link."""
_STARTED = re.compile(r"(?:sitecustomize|usercustomize)(?:\.py|\.pyc|\..*so)?")
"""What Python imports at every start, wherever it is on its path."""
_STARTS = re.compile(r"pyvenv\.cfg|pybuilddir\.txt|python[\d]+\.zip|python[\d.]*\._pth")
"""What Python is led by before it imports anything."""
_LIBRARY = re.compile(r"lib[\w.+-]+\.so(?:\.[\d.]+)?")
_LIBRARIES = tuple(
    f"{top}/{name}".rstrip("/")
    for top in ("/lib", "/usr/lib")
    for name in ("", "x86_64-linux-gnu", "aarch64-linux-gnu")
)
_MODULE = re.compile(r"(\w+)(?:\.py|\.pyc|(?:\.[\w-]+)?\.so)?")
_UNUSED = frozenset(
    ["test", "tests", "this", "antigravity", "turtle", "turtledemo", "profile", "trace", "idlelib"]
    + ["tkinter", "ensurepip", "lib2to3", "wsgiref", "xmlrpc", "mailbox", "examples", "docs"]
    + ["scripts", "benchmarks", "build", "dist", "src", "lib", "bin", "data", "app", "server"]
)
"""Modules of Python's that no verifier imports, and that honest work is named like."""
_KNOWN = (
    sys.stdlib_module_names | {"pytest", "_pytest", "pluggy", "iniconfig", "packaging"}
) - _UNUSED
_CODE = re.compile(rb"^\s*import[ \t]", re.MULTILINE)
_PLUGINS = re.compile(rb"^\[pytest11\][^\[]*", re.MULTILINE)
_ENTRIES = re.compile(r".*\.(?:dist|egg)-info/entry_points\.txt")
_GIT_COMMANDS = re.compile(
    rb"^\s*(?:fsmonitor|sshcommand|pager|editor|askpass|gitproxy|hookspath|external|textconv|command|"
    rb"clean|smudge|process|driver|helper|program|alternaterefscommand|packobjectshook|path)\s*=(?!\s*"
    rb"(?:git-lfs |false|true|cat\s*$|\.husky))|^\s*\[(?:alias|include)",
    re.MULTILINE | re.IGNORECASE,
)


class Change(NamedTuple):
    """One path that differs from the image."""

    path: str
    kind: int


@dataclass(frozen=True, slots=True)
class Files:
    """What an environment can tell of files: the image's, and what the candidate left."""

    had: Callable[[str], bool]
    """Whether the image has something at a path."""
    left: Callable[[str], bool]
    """Whether there is something at a path now."""
    read: Callable[[str], bytes]
    """What a plain file of the candidate's holds; nothing where it is none, or large."""
    was: Callable[[str], bytes]
    """What the image has there, likewise."""
    installed: Callable[[str], bool]
    """Whether the image has a package of Python's by this name."""


class Found(NamedTuple):
    """What is to be done before a verifier starts."""

    said: str | None
    """What is tampering, in a sentence."""
    restored: tuple[str, ...]
    """Paths that are to be as the image has them: nothing, where it has nothing."""
    replaced: dict[str, bytes]
    """Files that stay, with another content."""


def judge(changes: Sequence[Change], ground: Ground, files: Files) -> Found:
    """What a candidate did that would steer its verifier.

    Args:
        changes: What differs from the image, at least at home, in what is `trusted`, in `/etc`, and
            the names in what is `stood_in` and `upward`.
        ground: Where the verifier starts.
        files: The files, the image's and the candidate's.
    """
    rule = _Rule(changes, ground, files)
    said, restored, replaced = None, list[str](), dict[str, bytes]()
    for change in sorted(changes):
        if change.path in _INITS:
            continue
        if not ground.as_left and rule.restores(change):
            restored.append(change.path)
        elif not ground.as_left and (stripped := rule.stripped(change)) is not None:
            replaced[change.path] = stripped
        elif said is None:
            said = rule.wrong(change)
    return Found(said, tuple(restored), replaced)


class _Rule:
    """The rule over one set of changes."""

    def __init__(self, changes: Sequence[Change], ground: Ground, files: Files) -> None:
        self._ground, self._files = ground, files
        paths = {change.path for change in changes}
        self._holders = {path[:end] for path in paths for end in _slashes(path)}
        self._upward, self._stood_in = frozenset(ground.upward), frozenset(ground.stood_in)
        self._python = ground.verifier.imports()

    def restores(self, change: Change) -> bool:
        """Whether a path is made as the image has it, without a verdict."""
        path, ground = change.path, self._ground
        if ground.at_home(path):
            return change.kind != MODIFIED or path not in self._holders
        if _RESTORED.fullmatch(path) and path not in self._holders:
            return True
        for prefix in ground.prefixes:
            if below(path, prefix) and _OF_PREFIX.fullmatch(path.removeprefix(prefix)):
                return path not in self._holders
        if not ground.of_system(path) or change.kind == DELETED:
            return False
        if path.endswith(".pth"):
            return change.kind == ADDED and _CODE.search(self._files.read(path)) is not None
        return path.endswith(".pyc") and "/__pycache__/" in path

    def stripped(self, change: Change) -> bytes | None:
        """The content that a file gets, without what makes pytest load it; None where it stays."""
        path = change.path
        if change.kind == DELETED or not _ENTRIES.fullmatch(path):
            return None
        place = path.rsplit("/", 2)[0]
        if not self._ground.of_system(path) and place not in self._stood_in:
            return None
        text = self._files.read(path)
        return _PLUGINS.sub(b"", text) if _PLUGINS.search(text) else None

    def wrong(self, change: Change) -> str | None:
        """What is tampering about a change, or None."""
        path, kind, ground = change.path, change.kind, self._ground
        place, _, name = path.rpartition("/")
        place = place or "/"
        if path in _LOADED:
            return f"{path} was written, which programs load by themselves"
        if path == "/etc/passwd":
            return self._users()
        in_work = below(path, ground.work) and ground.work != "/"
        free = in_work and not ground.of_system(path)
        if kind != DELETED and not free and _STARTED.fullmatch(name):
            return f"{path} was written, which Python runs by itself"
        names = ABOVE if place == "/" and ground.work != "/" else _PYTESTS
        if kind != DELETED and place in self._upward and name in (names if place == "/" else ABOVE):
            return f"{path} was planted above the tests"
        if said := self._hiding(change, place, name):
            return said
        changed = kind != ADDED and path not in self._holders
        if changed and (self._is_systems(path) or path.startswith("/etc/alternatives/")):
            return f"{path}, which belongs to the system, was changed"
        if kind != DELETED and not ground.as_left:
            return self._in_work(change)
        return None

    def _is_systems(self, path: str) -> bool:
        """Whether a path belongs to the system, or holds what is the image's."""
        return self._ground.of_system(path) or any(below(o, path) for o in self._ground.trusted)

    def _hiding(self, change: Change, place: str, name: str) -> str | None:
        """What a new program, library or module hides."""
        path, had = change.path, self._files.had
        if change.kind != ADDED:
            return None
        if place in self._ground.path:
            others = [one for one in self._ground.path if one not in (place, "")]
            later = self._ground.path[self._ground.path.index(place) + 1 :]
            if any(had(f"{one}/{name}") for one in later) and others:
                return f"{path} was planted in front of a command of the same name"
        if not self._ground.of_system(path):
            return None
        if _STARTS.fullmatch(name):
            return f"{path} was written, which Python is led by"
        is_library = _LIBRARY.fullmatch(name) and place not in _LIBRARIES
        if is_library and any(had(f"{one}/{name}") for one in _LIBRARIES):
            return f"{path} was planted in front of a library of the same name"
        match = _MODULE.fullmatch(name)
        if (
            match
            and not name.endswith(".py")
            and "/python" in place
            and had(f"{place}/{match[1]}.py")
        ):
            return f"{path} was planted in front of a module of the same name"
        return self._hidden_module(path)

    def _hidden_module(self, path: str) -> str | None:
        """Modules of the system's that a place which is searched earlier hides."""
        for earlier, later in _EARLIER:
            if match := earlier.match(path):
                rest = path[match.end() :]
                if any(self._files.had(place.format(*match.groups()) + rest) for place in later):
                    return f"{path} was planted in front of a module of the same name"
        return None

    def _users(self) -> str | None:
        """Programs start where /etc/passwd says that a user's home is."""
        before = self._files.was("/etc/passwd").splitlines()
        after = set(self._files.read("/etc/passwd").splitlines())
        lost = [
            line.split(b":")[0].decode("utf-8", "replace") for line in before if line not in after
        ]
        return f"/etc/passwd says something else of {lost[0]!r}" if lost else None

    def _in_work(self, change: Change) -> str | None:
        """What in a directory that the verifier stands in leads the tools that it runs."""
        path, ground = change.path, self._ground
        for stood in self._stood_in:
            if not below(path, stood) or path == stood:
                continue
            name = path.removeprefix(stood).strip("/")
            if change.kind == ADDED and (said := self._new_in_work(path, name)):
                return said
            is_git = name == ".git/config" and ground.verifier.mentions("git")
            if is_git and _commands(self._files.read(path)) - _commands(self._files.was(path)):
                return f"{path} names a command, which git would run for the verifier"
        return None

    def _new_in_work(self, path: str, name: str) -> str | None:
        verifier = self._ground.verifier
        is_pytests = name in _PYTESTS or (
            name in ("setup.cfg", "pyproject.toml") and b"pytest" in self._files.read(path)
        )
        if is_pytests and verifier.tests_work(self._ground.work):
            return f"{path} was planted, which pytest runs or obeys"
        if name in _TOOLS and verifier.mentions(*_TOOLS[name]):
            return f"{path} was planted, which {_TOOLS[name][0]} obeys"
        if re.fullmatch(r"\.git/hooks/[\w-]+", name) and verifier.mentions("git"):
            return f"{path} was planted, which git runs"
        match = _MODULE.fullmatch(name)
        if match is None or not self._python or not self._is_module(path, name):
            return None
        if _STARTED.fullmatch(name):
            return f"{path} was written, which Python runs by itself"
        if match[1] in _KNOWN or (match[1] not in _UNUSED and self._files.installed(match[1])):
            return f"{path} was planted, which hides a module that a verifier imports"
        return None

    def _is_module(self, path: str, name: str) -> bool:
        """Whether Python would import it: a directory alone hides nothing."""
        inits = ("__init__.py", "__init__.pyc", "__init__.abi3.so")
        return "." in name or any(self._files.left(f"{path}/{init}") for init in inits)


_EARLIER = (
    (
        re.compile(r"/usr/local/(?:share|lib/([\w-]+))/perl/([\d.]+)/"),
        ("/usr/share/perl5/", "/usr/share/perl/{1}/", "/usr/lib/x86_64-linux-gnu/perl-base/"),
    ),
    (re.compile(r"/usr/share/perl5/"), ("/usr/lib/x86_64-linux-gnu/perl-base/",)),
    (
        re.compile(r"/usr/local/lib/python3[\d.]*/dist-packages/"),
        ("/usr/lib/python3/dist-packages/",),
    ),
    (
        re.compile(r"(.*)/lib/ruby/(?:site_ruby|vendor_ruby)/(?:[\d.]+/)?"),
        tuple(f"{{0}}/lib/ruby/3.{n}.0/" for n in range(5)) + ("/usr/lib/ruby/vendor_ruby/",),
    ),
)
"""Places of modules that are searched before others, and these others."""


def _commands(config: bytes) -> set[bytes]:
    """The lines of a git configuration that name commands."""
    return {line.strip() for line in config.splitlines() if _GIT_COMMANDS.match(line)}


def _slashes(path: str) -> Iterator[int]:
    return (at for at, letter in enumerate(path) if letter == "/" and at)
