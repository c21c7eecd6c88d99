"""`autoagent init`: a new workspace that works before anything in it is changed.

It writes only what is not there. Git is run in a directory of the human's own, at the
human's request, and only to make a repository where there is none.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from autoagent.errors import WorkspaceError
from autoagent.installed import extra, installing
from autoagent.records import Record

TEMPLATES = Path(__file__).parents[1] / "templates"
HARNESSES = TEMPLATES / "harnesses"
Template = Literal["plain", "openai", "chat", "anthropic", "claude"]
EXTRAS: Mapping[Template, str] = {
    "openai": "agents",
    "chat": "openai",
    "anthropic": "anthropic",
    "claude": "claude_agent_sdk",
}
"""What a template's harness imports; the extra that brings it has the template's name."""
IN_CONTAINER: frozenset[Template] = frozenset({"claude"})
"""Templates of which a part runs in the task's environment."""
PROGRAM = "autoagent"
NAMES = {
    "gitignore": ".gitignore",
    "clients/mcp.json": ".mcp.json",
    "clients/claude.json": ".claude/settings.json",
    "clients/codex.toml": ".codex/config.toml",
    "clients/gemini.json": ".gemini/settings.json",
    "clients/opencode.json": "opencode.json",
}
"""Files whose names would mean something to tools that look at our own sources.

A client's says which server to start, and what may be done while nobody is there to ask.
"""
_STARTS = (b'"command": "autoagent"', b'command = "autoagent"', b'"command": ["autoagent"')
"""How clients name the command."""
_SECONDS = 120
_OURS = ("-c", "user.name=AutoAgent", "-c", "user.email=autoagent@localhost")
_READABLE = ("-c", "init.defaultObjectFormat=sha1", "-c", "init.defaultRefFormat=files")
"""The kind of repository that the server can read."""
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")
"""What git sets for its hooks, and what would aim our commands at another repository."""


class Made(Record):
    """What `make_workspace` did: paths relative to the workspace, and a sentence about git."""

    root: Path
    created: tuple[str, ...]
    skipped: tuple[str, ...]
    repository: str


def make_workspace(directory: Path, template: Template = "plain") -> Made:
    """Write a workspace's files where they are missing; nothing is ever overwritten.

    Outside any repository, one is made, with the workspace's files as its first commit.

    Args:
        directory: Where; it may exist.
        template: Which harness; `plain` is the only one that needs no model.

    Raises:
        WorkspaceError: A file could not be written, or git failed.
    """
    created: list[str] = []
    skipped: list[str] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        root = directory.resolve()
        for source, relative in _files(root, template, skipped):
            written = _write(source, root / relative, in_container=template in IN_CONTAINER)
            (created if written else skipped).append(relative)
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename or directory}: {error.strerror}; the workspace is not complete.",
            "`autoagent init` again once that is mended",
        ) from error
    files = [*created, *(path for path in skipped if (root / path).exists())]
    return Made(
        root=root,
        created=tuple(created),
        skipped=tuple(skipped),
        repository=_repository(root, files),
    )


def missing_extra(template: Template) -> str | None:
    """The command that installs what a template's harness lacks on this machine, or None."""
    module = EXTRAS.get(template)
    if module is None or importlib.util.find_spec(module) is not None:
        return None
    return installing(*extra(template))


def commit_all(root: Path, paths: Sequence[str], message: str) -> None:
    """Make a repository at `root` and commit these paths.

    Raises:
        WorkspaceError: git is missing, or says why it failed.
    """
    run_git(root, *_READABLE, "init", "--quiet")
    run_git(root, "add", "--force", "--", *paths)
    known = run_git(root, "config", "--get", "user.email", check=False)
    commit = ("-c", "commit.gpgSign=false", "commit", "--quiet", "--no-verify", "-m", message)
    run_git(root, *(() if known else _OURS), *commit)


def run_git(root: Path, *arguments: str, check: bool = True) -> str:
    """What a git command printed.

    Raises:
        WorkspaceError: git is missing, or failed and `check` is set.
    """
    environment = {name: v for name, v in os.environ.items() if name not in _ELSEWHERE}
    environment["GIT_TERMINAL_PROMPT"] = "0"
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=check,
        )
    except FileNotFoundError as error:
        raise WorkspaceError("git is not installed. Install it, then run this again.") from error
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", None) or error).strip()
        raise WorkspaceError(f"{root}: `git {' '.join(arguments)}` failed: {said}") from error
    return done.stdout.strip()


def _files(root: Path, template: Template, skipped: list[str]) -> Iterator[tuple[Path, str]]:
    """Every template and its place; the example task only where there is no task yet."""
    tasks = root / "tasks"
    has_tasks = tasks.is_dir() and any(
        entry.is_dir() and entry.name != "hello" for entry in tasks.iterdir()
    )
    if has_tasks:
        skipped.append("tasks/")
    yield HARNESSES / f"{template}.py", "agent.py"
    for source in sorted(TEMPLATES.rglob("*")):
        relative = source.relative_to(TEMPLATES)
        if not source.is_file() or {"__pycache__", HARNESSES.name} & {*relative.parts}:
            continue
        if relative.name == "standin.toml" and template == "plain":
            continue
        if relative.parts[0] != "tasks" or not has_tasks:
            yield source, NAMES.get(relative.as_posix(), relative.as_posix())


def _write(source: Path, target: Path, *, in_container: bool) -> bool:
    """Write one file unless something has its name; whether it was written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    data = source.read_bytes()
    if source.parent.name == "clients":
        named = json.dumps(_command()).encode()
        for start in _STARTS:
            data = data.replace(start, start.replace(b'"autoagent"', named))
    if source.name == "autoagent.toml" and in_container:
        data = data.replace(
            b"# in_container = false     # true: its", b"in_container = true  # its"
        )
    try:
        with target.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    if target.suffix == ".sh":
        target.chmod(0o755)
    return True


def _command() -> str:
    """What starts this very program: its name where the PATH has it, else its whole path.

    The PATH may have another one, such as an installed one while a checkout's is run.
    """
    own = Path(sys.executable).with_name(PROGRAM)
    found = shutil.which(PROGRAM)
    return PROGRAM if found and Path(found).resolve() == own.resolve() else str(own)


def _repository(root: Path, files: Sequence[str]) -> str:
    """Make the repository that a climb needs, or say whose it is; one sentence."""
    for top in (root, *root.parents):
        if os.path.lexists(top / ".git"):
            return (
                f"{top} is a git repository already: nothing was committed. A climb starts from a "
                "clean tree, so commit the new files."
            )
    commit_all(root, files, "A new AutoAgent workspace")
    return "Made a git repository here, with these files as its first commit."
