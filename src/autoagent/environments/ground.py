"""Where a verifier starts: what its image says of it, and which places programs read unasked there.

It knows directories and names, and nothing of what a candidate did to them.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from autoagent.workspace.tasks.verifier import Verifier

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BESIDE = (
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "libexec",
    "include",
    "share",
    "etc",
    "src",
    "pkg",
)
"""What lies beside a directory of programs and is theirs."""
_SEARCHED = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "LD_PRELOAD", "NODE_PATH"),
    *("PERL5LIB", "PERLLIB", "RUBYLIB", "GEM_PATH", "GEM_HOME", "CLASSPATH", "JAVA_HOME", "GOROOT"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "NVM_DIR", "BASH_ENV", "ENV", "MANPATH", "TCLLIBPATH"),
    *("CARGO_HOME", "RUSTUP_HOME", "PYENV_ROOT", "RBENV_ROOT", "PNPM_HOME", "DOTNET_ROOT"),
)
"""Variables of an image that lead interpreters and loaders to files."""
_SETTINGS = (
    *("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"),
    *("PIP_CONFIG_FILE", "PIP_CACHE_DIR", "UV_CONFIG_FILE", "UV_CACHE_DIR", "UV_TOOL_DIR"),
    *("NPM_CONFIG_USERCONFIG", "NPM_CONFIG_GLOBALCONFIG", "NPM_CONFIG_CACHE", "CONDARC"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_TEMPLATE_DIR", "CURL_HOME", "WGETRC"),
    *("OPENSSL_CONF", "GOENV", "GOCACHE", "GRADLE_USER_HOME", "BUNDLE_APP_CONFIG", "INPUTRC"),
    *("PYTHONPYCACHEPREFIX", "PYTHONUSERBASE", "IPYTHONDIR", "PYTHON_HISTORY", "PHP_INI_SCAN_DIR"),
)
"""Variables of an image that lead tools to their settings and to what they keep."""
_SEARCHED_AT_HOME = frozenset(
    ["bin", "sbin", "lib", "go", "perl5", "node_modules", "R", "texmf", "nltk_data", "venv", "env"]
    + ["miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba"]
)
_NOT_CODE = re.compile(
    r"(?:/usr)?/(?:share/(?:mime|info|icons|applications|glib-2.0/schemas|fonts|man|doc|doc-base|locale|themes|"
    r"zoneinfo|pixmaps|sounds|lintian|bug|menu|sgml|xml|help|gtk-doc)/|lib/locale/|src/|games/)|"
    r".*/pkg/(?:mod/cache|sumdb)/|.*/registry/(?:index/|cache/|CACHEDIR)|.*/\.(?:global|package)-cache"
)
"""Below the system, what packages rewrite for each other and no verifier runs."""


@dataclass(frozen=True)
class Ground:
    """A verifier's start.

    Attributes:
        path: The directories of the image's PATH, in their order.
        variables: The image's.
        work: The work directory, which is the candidate's to change.
        home: The verifier's HOME.
        verifier: What it says that it uses.
        as_left: It starts with what the candidate left at home and in the work directory.
        venvs: The image's virtual environments below the work directory.
        led: Directories that Python looks in because a `.pth` file says so.
        users: Where others of the image's users are at home.
    """

    path: tuple[str, ...]
    variables: Mapping[str, str]
    work: str
    home: str
    verifier: Verifier
    as_left: bool = False
    venvs: tuple[str, ...] = ()
    led: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @cached_property
    def homes(self) -> tuple[str, ...]:
        """Where programs of the verifier's are at home."""
        others = self.users if self.verifier.mentions("su", "sudo", "runuser", "gosu") else ()
        return tuple(dict.fromkeys((self.home, *others)))

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """Directories whose programs and libraries the PATH or the verifier names.

        The system's own are left out, and the work, but for the image's virtual environments.
        """
        named = [one for one in self.verifier.places if not below(one, self.home)]
        bins = [*self.path, *named, *map(posixpath.dirname, named)]
        bins = [one for one in bins if posixpath.basename(one) in ("bin", "sbin")]
        found = dict.fromkeys(posixpath.dirname(one) for one in bins)
        system = ("/", "/usr", "/usr/local")
        return tuple(one for one in found if one not in system and not self._is_work(one))

    def _is_work(self, path: str) -> bool:
        """Whether what is at a path is the candidate's to change."""
        return (below(self.work, path) or below(path, self.work)) and path not in self.venvs

    @cached_property
    def looked_in(self) -> tuple[str, ...]:
        """Where programs are looked for, in this order."""
        named = [*self.verifier.path, *self.path]
        return tuple(dict.fromkeys(self.work if one in ("", ".") else one for one in named))

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """Where the image's variables say that tools have their settings, and keep things."""
        values = [one for name in _SETTINGS for one in self.variables.get(name, "").split(":")]
        wanted = map(posixpath.normpath, filter(posixpath.isabs, values))
        return tuple(one for one in wanted if one not in ("/", "/tmp") and not self._is_work(one))

    @cached_property
    def trusted(self) -> tuple[str, ...]:
        """Directories whose files are the image's: programs, libraries, what variables name."""
        names = (*BESIDE, "pyvenv.cfg")
        beside = [f"{prefix}/{name}" for prefix in self.prefixes for name in names]
        values = (self.variables.get(name, "") for name in _SEARCHED)
        named = [one for value in values for one in value.split(":")]
        wanted = map(posixpath.normpath, filter(posixpath.isabs, [*self.path, *beside, *named]))
        return tuple(
            one
            for one in dict.fromkeys(wanted)
            if one != "/" and (within(one, self.venvs) or not self._is_work(one))
        )

    @cached_property
    def upward(self) -> tuple[str, ...]:
        """What holds the work directory, where tools look for their configuration too."""
        return tuple(dict.fromkeys(("/", *holders(self.work))))

    @cached_property
    def stood_in(self) -> tuple[str, ...]:
        """Directories of the candidate's that the verifier may stand in, or have on its path."""
        values = (self.variables.get(name, "") for name in _SEARCHED)
        named = [one for value in values for one in value.split(":") if below(one, self.work)]
        named += [one for one in self.looked_in if below(one, self.work)]
        named += [*sorted(self.verifier.places), *self.led]
        places = [self.work, *(one for one in named if not within(one, _SYSTEM))]
        above = (one for place in places for one in holders(place))
        return tuple(one for one in dict.fromkeys((*places, *above)) if one != "/")

    @cached_property
    def imports(self) -> bool:
        """Whether a Python of the verifier's may import from the directories that it stands in."""
        return "PYTHONPATH" in self.variables or self.verifier.imports

    @cached_property
    def tests_work(self) -> bool:
        """Whether the verifier runs pytest on what lies in the work directory."""
        return self.verifier.tests_work(self.work)

    def at_home(self, path: str) -> bool:
        """Whether a path is HOME's, or holds it, and no part of the work.

        Where HOME is the work directory, or `/`, what is hidden is HOME's. What is not hidden and
        named by the verifier is the work's, unless programs and modules are looked for there.
        """
        return any(self._at(home, path) for home in self.homes)

    def _at(self, home: str, path: str) -> bool:
        if below(home, path):
            return home not in (self.work, "/") and not below(self.work, path)
        if not below(path, home):
            return False
        first = path.removeprefix(home.rstrip("/")).split("/")[1]
        if home in (self.work, "/"):
            return first.startswith(".") and not within(path, self.venvs)
        if (
            first in self._named_at_home
            and not first.startswith(".")
            and first not in _SEARCHED_AT_HOME
        ):
            return False
        return not (below(path, self.work) or below(self.work, path))

    @cached_property
    def _named_at_home(self) -> frozenset[str]:
        places = self.verifier.places
        named = {
            one.removeprefix(f"{home}/").split("/")[0]
            for home in self.homes
            for one in places
            if below(one, home)
        }
        return self.verifier.names_at_home | named

    def of_system(self, path: str) -> bool:
        """Whether a file is a program or library of the system, or of the image's PATH."""
        if _NOT_CODE.match(path):
            return False
        return within(path, (*_SYSTEM, *self.trusted)) and not (
            below(path, self.work) and self.work != "/" and not within(path, self.trusted)
        )


_SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr")


def venvs_of(path: tuple[str, ...], work: str, has: Callable[[str], bool]) -> tuple[str, ...]:
    """Prefixes of the PATH below the work directory that are environments of the image's."""
    inner = [posixpath.dirname(one) for one in path if below(one, work) and one != work]
    names = ("pyvenv.cfg", "conda-meta")
    return tuple(one for one in inner if one != work and any(has(f"{one}/{n}") for n in names))


def led_by(path: str, text: bytes) -> list[str]:
    """The directories that a `.pth` file names."""
    lines = text.decode("utf-8", "replace").splitlines()
    named = (one.strip() for one in lines if not one.startswith(("#", "import")))
    place = posixpath.dirname(path)
    return [posixpath.normpath(posixpath.join(place, one)) for one in named if one]


@lru_cache(4096)
def holders(path: str) -> tuple[str, ...]:
    """The directories that hold an absolute path, the nearest first; `/` is the last."""
    ends = [at for at, letter in enumerate(path) if letter == "/" and at]
    return (*(path[:end] for end in reversed(ends)), *(() if path == "/" else "/"))


def below(path: str, place: str) -> bool:
    """Whether a path is a place or below it."""
    return path == place or path.startswith(f"{place.rstrip('/')}/")


def within(path: str, places: tuple[str, ...]) -> bool:
    """Whether a path is one of these places or below one."""
    return any(below(path, place) for place in places)
