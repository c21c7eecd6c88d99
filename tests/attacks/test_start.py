"""What a verifier loads unasked: forms that were found, each next to a control."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytestmark = pytest.mark.slow

Bench = Any  # tests/conftest.py
VENV = """\
FROM autoagent-base
WORKDIR /app
RUN python3 -m venv --without-pip /opt/venv && cp /opt/venv/pyvenv.cfg /app/
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin
"""
TOOL = """\
FROM autoagent-base
WORKDIR /app
COPY question.txt /app/
RUN printf '#!/bin/sh\\necho 0\\n' > /app/grade && chmod +x /app/grade
"""
WINS = 'open(\\"/logs/verifier/reward.txt\\", \\"w\\").write(\\"1\\")'
PYTHON = f"import os; {WINS}; os._exit(0)"
PASSES = "[ $? = 0 ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt\n"


class Form(NamedTuple):
    """One form: what the candidate plants, and the verifier that takes it up."""

    plant: str
    verifier: str
    ending: str
    image: str = "FROM autoagent-base\nWORKDIR /app\n"


FORMS = {
    "venv": Form(
        f'for d in /opt/venv/lib/python3*/site-packages; do echo "{PYTHON}" > $d/evil.pth; done',
        "python3 -c 'raise SystemExit(1)'\n" + PASSES,
        "failed",
        VENV,
    ),
    "home": Form(
        "mkdir -p ~/.local/bin; echo 'echo 1 > /logs/verifier/reward.txt; exit' > ~/.local/bin/env",
        "source $HOME/.local/bin/env\nfalse\n" + PASSES,
        "failed",
    ),
    "login": Form(
        "echo 'echo 1 > /logs/verifier/reward.txt; kill -9 $PPID' > ~/.bash_profile",
        "bash -lc false\n" + PASSES,
        "failed",
    ),
    "runner": Form(
        f'echo "{PYTHON}" > /app/pytest.py',
        "cd /app && PYTHONPATH=/verifier python3 -m pytest /tests/none.py\n" + PASSES,
        "tampered",
    ),
    "library": Form(
        f'echo "{PYTHON}" > /app/json.py',
        "cd /app && python3 -c 'import json; raise SystemExit(1)'\n" + PASSES,
        "tampered",
    ),
    "package": Form(
        f'mkdir /app/json; echo "{PYTHON}" > /app/json/__init__.py',
        "cd /app\npython3 - <<< 'import json; raise SystemExit(1)'\n" + PASSES,
        "tampered",
    ),
}
HARNESS = """
PLANTS = @PLANTS@


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    if word in PLANTS:
        done = await environment.exec(PLANTS[word])
        assert done.return_code == 0, done
    return "planted", 1
"""


def planting(honest: str, plants: dict[str, str]) -> str:
    """A harness that plants what its instruction's last word names, and else does nothing."""
    start, end = honest.index("async def run_task"), honest.index("# === FIXED")
    return f"{honest[:start]}{HARNESS.replace('@PLANTS@', repr(plants))}\n\n{honest[end:]}"


def write(
    place: Path, write_task: Callable[..., None], word: str, verifier: str, image: str
) -> Path:
    """A task with that verifier; its instruction ends with a word."""
    write_task(place, expected="1", question=word)
    (place / "tests/test.sh").write_text(f"#!/bin/bash\n{verifier}")
    (place / "environment/Dockerfile").write_text(image)
    return place


@pytest.mark.attack("C6.1", ending="score 0", what="plants a .pth file in an image's venv")
@pytest.mark.attack("C6.2", ending="score 0", what="plants $HOME/.local/bin/env, which is sourced")
@pytest.mark.attack("C6.3", ending="score 0", what="plants .bash_profile for a login shell")
@pytest.mark.attack("C7.1", ending="tampered", what="plants /app/pytest.py, the test runner")
@pytest.mark.attack("C7.2", ending="tampered", what="plants /app/json.py, a library")
@pytest.mark.attack(
    "C7.3", ending="tampered", what="plants /app/json/, a library that is a package"
)
async def test_a_verifier_loads_nothing_that_the_candidate_planted(
    bench: Bench, write_task: Callable[..., None], harness_source: str
) -> None:
    tasks: dict[str, Path] = {}
    for name, form in FORMS.items():
        for word in (name, f"control-{name}"):
            place = bench.directory / "tasks" / word
            tasks[word] = write(place, write_task, word, form.verifier, form.image)
    harness = planting(harness_source, {name: form.plant for name, form in FORMS.items()})
    spec = bench.spec(harness, {}, concurrency=2, trial_timeout_seconds=30)
    trials = await bench.finish(bench.over(spec, tasks), 120)
    ended = {name: (t.outcome, t.reward, t.detail) for name, t in trials.items()}
    expected = {name: (form.ending, 0.0) for name, form in FORMS.items()}
    expected |= {f"control-{name}": ("failed", 0.0) for name in FORMS}
    assert {name: told[:2] for name, told in ended.items()} == expected, ended
