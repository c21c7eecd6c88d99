"""Where a verifier starts: what its image says of it, and which places programs read unasked there.

It knows directories and names, and nothing of what a candidate did to them.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

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
)
"""What lies beside a directory of programs and is theirs."""
_SEARCHED = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "LD_PRELOAD", "NODE_PATH"),
    *("PERL5LIB", "PERLLIB", "RUBYLIB", "GEM_PATH", "GEM_HOME", "CLASSPATH", "JAVA_HOME", "GOROOT"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "NVM_DIR", "BASH_ENV", "ENV", "MANPATH", "TCLLIBPATH"),
)
"""Variables of an image that lead interpreters and loaders to files."""
_SEARCHED_AT_HOME = frozenset(
    ["bin", "sbin", "lib", "go", "perl5", "node_modules", "R", "texmf", "nltk_data", "venv", "env"]
    + ["miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba"]
)
_NOT_CODE = re.compile(
    r"(?:/usr)?/(?:share/(?!perl|python|node|npm|ruby|gem|java|maven|go|cargo|jq|make|misc|gdb|lua|php|R/)|"
    r"lib/locale/|src/|games/)"
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
    """

    path: tuple[str, ...]
    variables: Mapping[str, str]
    work: str
    home: str
    verifier: Verifier
    as_left: bool = False

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """Directories whose programs and libraries the PATH gives, but for the system's own."""
        bins = [one for one in self.path if posixpath.basename(one) in ("bin", "sbin")]
        found = dict.fromkeys(posixpath.dirname(one) for one in bins)
        system = ("/", "/usr", "/usr/local")
        return tuple(one for one in found if one not in system and not below(self.work, one))

    @cached_property
    def trusted(self) -> tuple[str, ...]:
        """Directories whose files are the image's: programs, libraries, what variables name."""
        names = (*BESIDE, "pyvenv.cfg")
        beside = [f"{prefix}/{name}" for prefix in self.prefixes for name in names]
        values = (self.variables.get(name, "") for name in _SEARCHED)
        named = [one for value in values for one in value.split(":")]
        wanted = map(posixpath.normpath, filter(posixpath.isabs, [*self.path, *beside, *named]))
        return tuple(
            one for one in dict.fromkeys(wanted) if one != "/" and not below(self.work, one)
        )

    @cached_property
    def upward(self) -> tuple[str, ...]:
        """What holds the work directory, where tools look for their configuration too."""
        found, place = ["/"], posixpath.dirname(self.work)
        while place != "/":
            found.append(place)
            place = posixpath.dirname(place)
        return tuple(found)

    @cached_property
    def stood_in(self) -> tuple[str, ...]:
        """Directories of the candidate's that the verifier may stand in, or have on its path."""
        places = (self.work, *sorted(self.verifier.places()))
        return tuple(one for one in dict.fromkeys(places) if one != "/")

    def at_home(self, path: str) -> bool:
        """Whether a path is HOME's, or holds it, and no part of the work.

        Where HOME is the work directory, or `/`, what is hidden is HOME's. What is not hidden and
        named by the verifier is the work's, unless programs and modules are looked for there.
        """
        if below(self.home, path):
            return self.home not in (self.work, "/") and not below(self.work, path)
        if not below(path, self.home):
            return False
        first = path.removeprefix(self.home.rstrip("/")).split("/")[1]
        if self.home in (self.work, "/"):
            return first.startswith(".")
        if (
            first in self._named_at_home
            and not first.startswith(".")
            and first not in _SEARCHED_AT_HOME
        ):
            return False
        return not (below(path, self.work) or below(self.work, path))

    @cached_property
    def _named_at_home(self) -> frozenset[str]:
        places = self.verifier.places()
        named = {one.removeprefix(f"{self.home}/").split("/")[0] for one in places}
        return self.verifier.names_at_home() | named

    def of_system(self, path: str) -> bool:
        """Whether a file is a program or library of the system, or of the image's PATH."""
        if _NOT_CODE.match(path):
            return False
        return within(path, (*_SYSTEM, *self.trusted)) and not (
            below(path, self.work) and self.work != "/" and not within(path, self.trusted)
        )


_SYSTEM = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr")


def below(path: str, place: str) -> bool:
    """Whether a path is a place or below it."""
    return path == place or path.startswith(f"{place.rstrip('/')}/")


def within(path: str, places: tuple[str, ...]) -> bool:
    """Whether a path is one of these places or below one."""
    return any(below(path, place) for place in places)
