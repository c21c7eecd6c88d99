"""What Harbor's own docker environment needs of this machine, found out without Harbor.

It runs tasks by `docker compose`, a program beside Docker's own, and Windows tasks on nothing
but a Windows machine. Asked only where there are such tasks: one request, or one process.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

from autoagent.environments.docker import daemon
from autoagent.errors import InfrastructureFault

ANSWER_SECONDS = 20
_MOST_NAMED = 10
_VERSION = re.compile(r"\bv?(\d{1,4})\.\d")


def require(composed: Mapping[str, str]) -> None:
    """Refuse where tasks that Harbor's own docker environment runs cannot run.

    Args:
        composed: Why each runs there, by its name: "compose" or "windows".

    Raises:
        InfrastructureFault: Names the tasks, what is missing, and what to do.
    """
    if windows := [name for name, why in composed.items() if why == "windows"]:
        kind = str(daemon.client().info()["OSType"])
        if kind != "windows" or sys.platform != "win32":
            raise InfrastructureFault(
                f'{named(windows)}: os = "windows". This daemon runs {kind} containers, this '
                f"machine is {sys.platform}, and Harbor needs Windows for both.",
                "leave them out: benchmark.only in autoagent.toml names the others",
            )
    if composed and (said := _why_no_compose()):
        raise InfrastructureFault(
            f"{named(composed)}: needs `docker compose`, which does not work here: {said}.",
            "install Docker's compose plugin, version 2 or newer, or leave them out: "
            "benchmark.only in autoagent.toml names the others",
        )


def named(tasks: Mapping[str, str] | list[str]) -> str:
    """The first names of some tasks, and how many more there are."""
    names = list(tasks)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _why_no_compose() -> str:
    """Why `docker compose` does not work as workers would call it; "" where it does."""
    keep = ("PATH", "HOME")
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in keep or name.startswith("DOCKER_")
    }
    try:
        done = subprocess.run(
            ["docker", "compose", "version"],
            capture_output=True, text=True, errors="replace",
            timeout=ANSWER_SECONDS, env=variables, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return "there is no `docker` on the PATH"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it does not say why"])[0][:200]
    version = _VERSION.search(done.stdout)
    return "" if version and int(version[1]) >= 2 else f"it says {done.stdout.strip()[:80]!r}"
