"""Tasks that others wrote, from images of their own, in the sandbox: looked at, run, reviewed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..environments.sandbox.crafted import archive_of, layer, layout, shell
from ..tier.conftest import shared_python as shared_python

USER = 64_104
DOCKERFILE = """\
FROM small:1
ARG WHO=world
RUN mkdir -p /usr/share/made && echo "$OF_IMAGE $WHO" > /usr/share/made/said
RUN chown 33:33 /usr/share/made/said && touch -d 2001-01-01 /usr/share/made/said
WORKDIR /app
COPY question.txt /app/
"""
FOREIGN = """\
#!/bin/bash
# As an installer does, before anything is tested.
echo 'echo installed' > /usr/bin/tool && chmod +x /usr/bin/tool || exit 1
[ "$(cat /usr/share/made/said)" = "yes world" ] && [ "$(tool)" = installed ] || exit 1
"""
SEPARATE = """
[[verifier.collect]]
command = "cp /app/answer.txt /logs/artifacts/answer.txt"

[[artifacts]]
source = "/logs/artifacts/answer.txt"
"""
MISSING = "needs the image small:1: `autoagent image pull small:1`, or name an archive"


class Typed:
    """`autoagent …`, typed by a user in a workspace of theirs."""

    def __init__(self, root: Path, python: Path, become: dict[str, Any]) -> None:
        self.root, self._python, self._become = root, python, become

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        place = self.root.parent
        variables = {"HOME": str(place), "PATH": os.environ["PATH"], "TMPDIR": str(place)}
        return subprocess.run(
            [self._python, "-m", "autoagent", *words], cwd=self.root, text=True, check=False,
            capture_output=True, timeout=300, **self._become,
            env={**variables, "AUTOAGENT_STATE_DIR": str(place / "state")},
        )  # fmt: skip


@pytest.fixture(params=["root", "an ordinary user"])
def typed(request: pytest.FixtureRequest, make_workspace: Callable[..., Path]) -> Iterator[Typed]:
    """A workspace of three tasks from a small image, of which one is verified apart."""
    root, python, become = request.param == "root", Path(sys.executable), dict[str, Any]()
    if root and os.geteuid() != 0:
        pytest.skip("only root can be root")
    if not root and os.geteuid() == 0:
        python = request.getfixturevalue("shared_python")
        become = {"user": USER, "group": USER, "extra_groups": []}
    tasks = {"right": ("42", "42"), "wrong": ("42", "43"), "apart": ("42", "42")}
    config = '[sandbox.images]\n"docker.io/library/small:1" = "images/small.tar"\n'
    made = make_workspace(tasks, config=config)
    for name in tasks:
        task = made / "tasks" / name
        (task / "environment/Dockerfile").write_text(DOCKERFILE)
        test = task / "tests/test.sh"
        test.write_text(FOREIGN + test.read_text())
    apart = made / "tasks/apart"
    shutil.copyfile(apart / "environment/Dockerfile", apart / "tests/Dockerfile")
    (apart / "tests/question.txt").write_text("x")
    with (apart / "tests/Dockerfile").open("a") as more:
        more.write("COPY test.sh /tests/test.sh\n")
    text = (apart / "task.toml").read_text()
    mode = '[verifier]\nenvironment_mode = "separate"\n'
    (apart / "task.toml").write_text(text.replace("[verifier]\n", mode) + SEPARATE)
    test = apart / "tests/test.sh"
    test.write_text(test.read_text().replace("/app/answer.txt", "/logs/artifacts/answer.txt"))
    image = layout(made / "images/small", [layer(shell())], said={"Env": ["OF_IMAGE=yes"]})
    archive_of(image)
    shutil.rmtree(image)
    place = Path(tempfile.mkdtemp(prefix="typed-", dir="/tmp"))
    place.chmod(0o755)
    shutil.copytree(made, place / "workspace")
    if become:
        subprocess.run(["chown", "-R", f"{USER}:{USER}", str(place)], check=True)
    yield Typed(place / "workspace", python, become)
    shutil.rmtree(place)


@pytest.mark.slow
def test_a_task_from_an_image_passes_and_fails_rightly_in_the_sandbox(typed: Typed) -> None:
    """Harness and oracle; a no-op and the wrong agents gain nothing; the image is made once."""
    run = typed("run")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2/3 passed" in run.stdout, run.stdout
    assert "wrong" in next(line for line in run.stdout.splitlines() if "failed" in line)

    oracle = typed("run", "--oracle")
    assert "3/3 passed" in oracle.stdout, oracle.stdout + oracle.stderr

    shutil.rmtree(typed.root / "tasks/apart")
    easy = typed.root / "tasks/wrong/tests/test.sh"
    easy.write_text("#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n")
    review = typed("tasks", "review", "--times", "1", "--json")
    told = {(fault["task"], fault["what"]) for fault in json.loads(review.stdout)["faults"]}
    played = {one for one in told if one[0] and "it asks nearly" not in one[1]}
    assert played == {("wrong", "an agent that does nothing passes")}, review.stdout


def test_a_missing_image_is_named_with_the_two_ways_to_it(typed: Typed) -> None:
    (typed.root / "autoagent.toml").write_text("")
    doctor = typed("doctor", "--json")
    told = {row["name"]: row["detail"] for row in json.loads(doctor.stdout)["checks"]}
    assert f"tasks/right/environment/Dockerfile:1: {MISSING}" in told["task right"]
    assert f"tests/Dockerfile:1: {MISSING}" in told["task apart"]
    shutil.move(typed.root / "tasks/right", typed.root.parent / "others/right")
    adopted = typed("adopt", "--look", str(typed.root.parent / "others"), "--json")
    (one,) = json.loads(adopted.stdout)["tasks"]
    assert MISSING in one["problems"]["sandbox"][0]
    assert one["problems"]["docker"] == []
