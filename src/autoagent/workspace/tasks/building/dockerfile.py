"""The part of a Dockerfile that a sandbox can replay: parsed and expanded, never run here.

Accepted: FROM autoagent-base or an image that is here, ARG, ENV, WORKDIR, COPY from the context or
such an image, RUN, SHELL, USER root.
LABEL, MAINTAINER, EXPOSE, STOPSIGNAL and CMD change nothing a task can see (Harbor
replaces CMD) and are skipped. Anything else is a problem that names its line, so a task
never runs in another environment than its author wrote.
"""

import json
import logging
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from dockerfile_parse import DockerfileParser

from autoagent.errors import TaskError, WorkspaceError
from autoagent.files import read_regular, walk
from autoagent.workspace.tasks.building.build_context import matching
from autoagent.workspace.tasks.building.oci import NAME, ImageFacts, architecture
from autoagent.workspace.tasks.building.recipe import (
    BASE_IMAGE,
    BASE_WORKDIR,
    Copy,
    Env,
    Layer,
    Recipe,
    Run,
    Workdir,
)
from autoagent.workspace.tasks.building.shelf import Shelf
from autoagent.workspace.tasks.building.shell_words import Unsupported, expand, words
from autoagent.workspace.tasks.problem import NEEDS_DOCKER

BASE_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

_LARGEST = 256 * 1024
_SKIPPED = frozenset({"LABEL", "MAINTAINER", "EXPOSE", "STOPSIGNAL", "CMD"})
_NOT_IN_A_SANDBOX = frozenset({"ENTRYPOINT", "HEALTHCHECK", "ONBUILD", "VOLUME"})
_SHELL = ("/bin/sh", "-c")
_ROOT = ("", "root", "0", "root:root", "0:0", "root:0", "0:root")
_ESCAPE = re.compile(r"#?\s*escape\s*=\s*[^\\\s]", re.IGNORECASE)
_STAGE = re.compile(rb"\s*FROM\s", re.IGNORECASE)
_HEREDOC = re.compile(r"(?<!<)<<-?[\"']?[A-Za-z_]")

logging.getLogger("dockerfile_parse").setLevel(logging.CRITICAL)


def read_dockerfile(path: Path, shelf: Shelf = Shelf()) -> Recipe:  # noqa: B008 - it is frozen
    """Read a Dockerfile whose context is its directory.

    Args:
        path: The file.
        shelf: Where the images are that it starts from.

    Raises:
        TaskError: One line per problem, each `file:line: what and why`.
        OSError: The file cannot be read.
    """
    tree = walk(path.parent)
    where = "/".join(path.parts[-4:])
    content = read_regular(path, _LARGEST)
    recipe, problems = parse_dockerfile(content, where, tree.files, shelf)
    if problems:
        raise TaskError("\n".join(problems))
    return recipe


def parse_dockerfile(
    content: bytes,
    where: str,
    context: Collection[str],
    shelf: Shelf = Shelf(),  # noqa: B008 - it is frozen
) -> tuple[Recipe, list[str]]:
    """Parse a Dockerfile.

    Args:
        content: The file.
        where: What problems call it.
        context: Relative paths of the context's files, for COPY.
        shelf: Where the images are that it starts from.

    Returns:
        The recipe, to be used only if the list of problems is empty.
    """
    reader = _replayed(content, where, context, shelf.find)
    return _recipe(reader), reader.problems


def lint(
    content: bytes,
    where: str,
    context: Collection[str],
    shelf: Shelf = Shelf(),  # noqa: B008 - it is frozen
) -> tuple[Recipe, list[str], list[str]]:
    """A Dockerfile, its problems, and those that Docker has too: no build can succeed."""
    reader = _replayed(content, where, context, shelf.find)
    return _recipe(reader), reader.problems, reader.everywhere


def _recipe(reader: "_Replay") -> Recipe:
    env, steps = dict(reader.env), tuple(reader.steps)
    return Recipe(reader.workdir, env, steps, reader.base, reader.images)


def image_recipe(name: str, shelf: Shelf) -> tuple[Recipe, list[str]]:
    """What a task starts from that names an image in task.toml, and builds nothing."""
    reader = _Replay("task.toml", (), shelf.find)
    reader.instruction(0, "FROM", name)
    problems = [problem.removeprefix("task.toml:0: ") for problem in reader.problems]
    return _recipe(reader), problems


def _replayed(
    content: bytes, where: str, context: Collection[str], find: Callable[[str], ImageFacts]
) -> "_Replay":
    reader = _Replay(where, context, find)
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        reader.problems = [f"{where}: byte {error.start} is not UTF-8. Save the file as UTF-8."]
        return reader
    file: Any = BytesIO(content)  # the library reads bytes, its stubs say str
    parser = DockerfileParser(fileobj=file, env_replace=False)
    understood: set[int] = set()
    for found in parser.structure:
        understood.update(range(found["startline"], found["endline"] + 1))
        line, name = found["startline"] + 1, found["instruction"]
        if name == "COMMENT" and not reader.started and _ESCAPE.match(found["value"]):
            reader.refuse(line, "another escape character is not supported: use a backslash.")
        if name != "COMMENT" and not reader.stopped:
            reader.instruction(line, name, found["value"])
    if not reader.stopped:
        for number, line in enumerate(lines):
            if line.strip() and number not in understood:
                reader.refuse(number + 1, f"{line.strip()[:60]!r} is not a complete instruction.")
    if not reader.started and not reader.problems:
        reader.refuse(1, f"there is no FROM. Start with `FROM {BASE_IMAGE}`.", everywhere=True)
    return reader


def work_directory(content: bytes) -> str:
    """Where commands start in an image: the last WORKDIR of a Dockerfile's last stage.

    What a sandbox cannot replay is passed over, and a base is taken to start in `/app`.
    """
    lines = content.splitlines(keepends=True)
    stages = [number for number, line in enumerate(lines) if _STAGE.match(line)]
    stage = b"".join(lines[stages[-1] :] if stages else ())
    return parse_dockerfile(stage, "", ())[0].workdir


class _Wrong(Unsupported):
    """An instruction that Docker would refuse as well."""


class _Replay:
    """The state of a build while its instructions are read in order."""

    def __init__(
        self, where: str, context: Collection[str], find: Callable[[str], ImageFacts]
    ) -> None:
        self.where, self.context, self._find = where, context, find
        self.base: str | None = None
        self.images: dict[str, ImageFacts] = {}
        self._base_env: Mapping[str, str] = BASE_ENV
        self.problems: list[str] = []
        self.everywhere: list[str] = []
        self.steps: list[Layer] = []
        self.env: dict[str, str] = {}
        self.workdir = BASE_WORKDIR
        self.started = self.stopped = False
        self._global: dict[str, str] = {}
        self._arguments: dict[str, str] = {}
        self._shell = _SHELL

    def refuse(self, line: int, why: str, *, everywhere: bool = False) -> None:
        self.problems.append(f"{self.where}:{line}: {why}")
        if everywhere:
            self.everywhere.append(self.problems[-1])

    def instruction(self, line: int, name: str, value: str) -> None:
        try:
            if not self.started and name not in ("FROM", "ARG"):
                raise Unsupported(f"{name} stands before FROM. Start with `FROM {BASE_IMAGE}`.")
            if not value.strip() and name not in _SKIPPED:
                raise Unsupported(f"{name} has no argument. Complete or remove it.")
            match name:
                case "FROM":
                    self._from(value)
                case "ARG":
                    self._arg(value)
                case "ENV":
                    self._env(value)
                case "WORKDIR":
                    path = expand(value, self._variables())
                    self.workdir = posixpath.normpath(posixpath.join(self.workdir, path))
                    self.steps.append(Workdir(self.workdir))
                case "USER":
                    self._user(expand(value.strip(), self._variables()))
                case "COPY":
                    self._copy(value)
                case "RUN":
                    self._run(value)
                case "SHELL":
                    shell = _json_list(value)
                    if not shell:
                        raise Unsupported('SHELL takes a JSON list, such as ["/bin/bash", "-c"].')
                    self._shell = tuple(shell)
                case "ADD":
                    raise Unsupported(
                        "ADD is not supported: use COPY for files, RUN for downloads."
                    )
                case "ENTRYPOINT" if _json_list(value) == []:
                    pass
                case name if name in _SKIPPED:
                    pass
                case name if name in _NOT_IN_A_SANDBOX:
                    raise Unsupported(f"{name} {NEEDS_DOCKER}.")
                case _:
                    raise _Wrong(f"{name[:40]} is not an instruction. Correct or remove it.")
        except Unsupported as problem:
            self.refuse(line, str(problem), everywhere=isinstance(problem, _Wrong))

    def _variables(self) -> dict[str, str]:
        return {**self._base_env, **self._arguments, **self.env}

    def _from(self, value: str) -> None:
        if self.started:
            self.stopped = True
            raise Unsupported(f"a second FROM (a build in stages) {NEEDS_DOCKER}.")
        self.started = True
        said = words(value, {**_PLATFORM, **self._global})
        if said and said[0].startswith("--platform="):
            if said[0] != f"--platform={_PLATFORM['TARGETPLATFORM']}":
                raise Unsupported(f"FROM {said[0]}: this machine is linux/{architecture()}.")
            said = said[1:]
        if (
            len(said) not in (1, 3)
            or not NAME.fullmatch(said[0])
            or (said[1:] and said[1].lower() != "as")
        ):
            raise _Wrong(f"FROM {value[:100]}: write `FROM image` or `FROM image AS name`.")
        if re.fullmatch(rf"{BASE_IMAGE}(:[\w][\w.-]*)?", said[0]):
            return
        self.base, self.workdir, self._base_env = said[0], "/", {}
        facts = self._image(said[0])
        self.workdir, self._base_env = facts.workdir, {**BASE_ENV, **facts.env}
        self._user(facts.user)

    def _image(self, name: str) -> ImageFacts:
        try:
            self.images[name] = self._find(name)
        except WorkspaceError as missing:
            raise Unsupported(missing.message) from missing
        return self.images[name]

    def _user(self, name: str) -> None:
        if name not in _ROOT:
            raise Unsupported(f"USER {name[:60]} {NEEDS_DOCKER}; the sandbox has root alone.")

    def _arg(self, value: str) -> None:
        scope = self._arguments if self.started else self._global
        known = self._variables() if self.started else self._global
        for word in words(value, known):
            name, given, default = word.partition("=")
            scope[name] = default if given else self._global.get(name, "")

    def _env(self, value: str) -> None:
        known = self._variables()
        first = value.split(maxsplit=1)
        if "=" in first[0]:
            pairs = [word.partition("=") for word in words(value, known)]
            if bad := [word for word, given, _ in pairs if not given or not word]:
                raise Unsupported(f"ENV {bad[0]!r} has no value: write NAME=value.")
            new = {name: text for name, _, text in pairs}
        elif len(first) == 2:
            new = {first[0]: expand(first[1], known)}
        else:
            raise Unsupported(f"ENV {value!r} has no value: write NAME=value.")
        self.env.update(new)
        self.steps += [Env(name, text) for name, text in new.items()]

    def _copy(self, value: str) -> None:
        if _HEREDOC.search(value):
            self.stopped = True
            raise Unsupported("COPY of a here-document is not supported: put it in a file.")
        chmod: int | None = None
        origin = ""
        while value.startswith("--"):
            flag, _, value = value.partition(" ")
            value = value.lstrip()
            name, _, setting = flag.partition("=")
            if name == "--chmod":
                if not re.fullmatch(r"[0-7]{3,4}", setting):
                    raise Unsupported(f"COPY {flag}: give octal permissions, such as 0755.")
                chmod = int(setting, 8)
            elif name == "--from":
                if not re.search("[/:.]", setting):  # a stage's name
                    raise Unsupported(f"COPY {flag} {NEEDS_DOCKER}; copy from the context.")
                if not NAME.fullmatch(setting):
                    raise _Wrong(f"COPY {flag[:100]}: that is no image's name.")
                self._image(setting)
                origin = setting
            elif name not in ("--chown", "--link"):
                raise Unsupported(f"COPY {flag} is not supported. Leave it out.")
        known = self._variables()
        listed = _json_list(value)
        paths = (
            words(value, known)
            if listed is None
            else [expand(p, known, quoted=True) for p in listed]
        )
        if len(paths) < 2:
            raise _Wrong(f"COPY {value!r} needs a source and a target.")
        *sources, target = paths
        absolute = posixpath.normpath(posixpath.join(self.workdir, target))
        as_directory = target.endswith(("/", "/.")) or target == "."
        if origin:
            found = [posixpath.normpath(f"/{source.lstrip('/')}") for source in sources]
            if odd := [source for source in found if set(source) & set("*?[")]:
                raise Unsupported(f"COPY {odd[0]}: no pattern is read in an image. Write each out.")
        else:
            found = [match for source in sources for match in self._in_context(source)]
        ending = "/" if as_directory and absolute != "/" else ""
        self.steps.append(Copy(tuple(found), absolute + ending, chmod, origin))

    def _in_context(self, source: str) -> list[str]:
        if ".." in source.split("/"):
            raise Unsupported(f"COPY {source} leaves the context. Put it beside the Dockerfile.")
        if not (found := matching(source, self.context)):
            raise Unsupported(f"COPY {source}: no such file beside the Dockerfile.")
        return found

    def _run(self, value: str) -> None:
        if _HEREDOC.search(value):
            self.stopped = True
            raise Unsupported(
                "RUN with a here-document is not supported: COPY a script and run it."
            )
        if value.startswith("--"):
            raise Unsupported(f"RUN {value.split()[0]} is not supported. Leave it out.")
        command = _json_list(value)
        argv = (*self._shell, value) if not command else tuple(command)
        self.steps.append(Run(argv, dict(self._arguments)))


_PLATFORM = {name: f"linux/{architecture()}" for name in ("TARGETPLATFORM", "BUILDPLATFORM")}


def _json_list(value: str) -> list[str] | None:
    """The exec form's strings; None where it is the shell form, as Docker decides it."""
    if not value.lstrip().startswith("["):
        return None
    try:
        parsed: Any = json.loads(value)
    except ValueError:
        return None
    if isinstance(parsed, list) and all(isinstance(item, str) for item in parsed):  # pyright: ignore[reportUnknownVariableType]
        return parsed  # pyright: ignore[reportUnknownVariableType]
    return None
