"""Builds by BuildKit, as Harbor's own are: `COPY --chmod`, `RUN --mount`, here-documents.

The daemon has it; what speaks to it is a plugin of the docker command, `buildx` or `compose`. Where
there is neither, the daemon's old builder is all there is.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

Builder = Literal["buildx", "compose", ""]
ANSWER_SECONDS = 20
_SNIPPET = re.compile(r"^\s*(\d+ \||-{4,}|Dockerfile:\d+)|^\s*$|^\s+\d+ \| ")
_LINES = 12


class BuildFailed(Exception):
    """A build ended without an image; the text is the last that the builder said."""


@cache
def builder() -> Builder:
    """The plugin that builds, or "" where there is none."""
    for plugin in ("buildx", "compose"):
        try:
            done = subprocess.run(
                ["docker", plugin, "version"],
                capture_output=True,
                timeout=ANSWER_SECONDS,
                env=_variables(),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        if done.returncode == 0:
            return plugin
    return ""


def build(
    by: Builder,
    context: Path,
    inline: str | None,
    tag: str,
    labels: Mapping[str, str],
    seconds: float,
) -> None:
    """Build an image.

    Args:
        by: The plugin.
        context: The directory with the Dockerfile, or an empty one.
        inline: A Dockerfile where the directory has none.
        tag: What the image is called.
        labels: What it carries.
        seconds: How long it may take.

    Raises:
        BuildFailed: It failed, or took too long; says the builder's last lines.
    """
    with tempfile.TemporaryDirectory(prefix="autoagent-build-") as directory:
        if by == "buildx":
            command = ["buildx", "build", "--builder", "default", "--load", "--progress", "plain"]
            command += ["--tag", tag, *(f"--label={name}={told}" for name, told in labels.items())]
            command += ["--file", "-" if inline else str(context / "Dockerfile"), str(context)]
        else:
            own = {"context": str(context), "labels": dict(labels)}
            own |= {"dockerfile_inline": inline} if inline else {}
            service = {"services": {"main": {"image": tag, "build": own}}}
            file = Path(directory, "build.json")
            file.write_text(json.dumps(service).replace("$", "$$"))
            command = ["compose", "--progress", "plain", "--project-name", "autoagent-build"]
            command += ["--file", str(file), "build"]
        try:
            done = subprocess.run(
                ["docker", *command],
                input=inline if by == "buildx" and inline else "",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=seconds,
                env=_variables(),
                cwd=directory,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = f"it took more than {seconds:g} s (environment.build_timeout_sec)"
            raise BuildFailed(said) from error
    if done.returncode:
        raise BuildFailed(_last_of(done.stdout))


def _last_of(said: str) -> str:
    """What the instruction that failed printed, and the builder's own last word."""
    lines = [line for line in said.splitlines() if not _SNIPPET.match(line)]
    steps = [number for number, line in enumerate(lines) if line.startswith(" > [")]
    return "\n".join(lines[steps[-1] :] if steps else lines[-_LINES:])


def _variables() -> dict[str, str]:
    """What the docker command reads, and nothing of the tasks'."""
    keep = ("PATH", "HOME")
    named = {n: v for n, v in os.environ.items() if n in keep or n.startswith("DOCKER_")}
    return {**named, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
