"""What a verifier in a container starts with: the image's HOME and hooks, whatever was planted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.worker.engine import TaskSpec

from ...attacks.test_start import FORMS, planting, write

pytestmark = pytest.mark.slow

Bench = Any  # tests/conftest.py
HOOKS = """
echo kept > ~/out; echo 'touch /logs/verifier/fired' > ~/.bashrc
mkdir -p ~/.config/pip; echo '[global]' > ~/.config/pip/pip.conf
echo 'touch /logs/verifier/fired' > /etc/profile.d/evil.sh
echo 'touch /logs/verifier/fired' >> /etc/bash.bashrc
"""
STARTS = """
bash -ic true < /dev/null; bash -lc true; ls -A ~ ~/.config
[ "$(cat ~/out)" = kept ] && [ ! -e /logs/verifier/fired ] && [ -d "$TMPDIR" ] &&
cmp ~/.bashrc /etc/skel-of-root
"""
PASSES = "[ $? = 0 ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt\n"
IMAGE = (
    "FROM autoagent-base\nWORKDIR /app\nRUN echo : > /root/.bashrc; echo : > /etc/skel-of-root\n"
)


@pytest.mark.attack("C6.4", ending="score 0", what="in a container: plants files at home")
@pytest.mark.attack("C7.4", ending="tampered", what="in a container: plants /app/json.py")
@pytest.mark.usefixtures("base", "daemon")
async def test_a_containers_verifier_starts_with_what_the_image_had(
    bench: Bench, write_task: Callable[..., None], harness_source: str
) -> None:
    plants = {name: FORMS[name].plant for name in ("home", "login", "library")}
    plants |= {"hooks": HOOKS, "left": HOOKS}
    verifiers = {name: FORMS[name].verifier for name in ("home", "login", "library")}
    tasks: dict[str, Path] = {}
    for word in plants:
        place = bench.directory / "tasks" / word
        text = verifiers.get(word, STARTS + PASSES)
        image = FORMS["home"].image if word in verifiers else IMAGE
        tasks[word] = write(place, write_task, word, text, image)
    spec = bench.spec(
        planting(harness_source, plants), {}, environment="docker", trial_timeout_seconds=60
    )
    spec = bench.over(spec, tasks)
    chosen = tuple(
        TaskSpec(name=task.name, path=task.path, as_left=task.name == "left") for task in spec.tasks
    )
    trials = await bench.finish(spec.model_copy(update={"tasks": chosen}), 300)
    told = {name: (t.outcome, t.as_left, t.detail) for name, t in trials.items()}
    assert {name: told[name][0] for name in plants} == {
        "home": "failed",
        "login": "failed",
        "library": "tampered",
        "hooks": "passed",
        "left": "failed",
    }, (told, bench.log()[-3000:])
    assert {name for name in plants if told[name][1]} == {"left"}
