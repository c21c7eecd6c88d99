"""The catalogue is run: what tools load unasked is planted before a verifier that uses them.

Cases without an effect share a trial, beside the same trial with the weaker label, in which they
do have one: so the attack is live. Cases that are told have a trial each. Controls plant nothing.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from autoagent.worker.engine import TaskSpec

from .catalogue import BEGIN, DOCUMENT, END, Case, cases, table
from .test_start import planting, write

pytestmark = pytest.mark.slow

Bench = Any  # tests/conftest.py
PLAIN = "FROM autoagent-base\nWORKDIR /app\n"
VENV = """\
FROM autoagent-base
WORKDIR /app
RUN for d in /opt/venv /opt/named /app/.venv; do python3 -m venv --without-pip $d; done
RUN cd /opt/venv/lib/python3*/site-packages && printf '%0500d = 0\\n' 0 | tr 0 x > helper.py
RUN echo 'import json' > /opt/uses_json.py
ENV PATH=/opt/venv/bin:/opt/tools/bin:/app/.venv/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONPATH=/app/pylib
ENV XDG_CONFIG_HOME=/opt/config
"""
EVIL = """\
set -e; cd /app; export EVIL=/app/evil-@
printf '#!/bin/sh\\ntouch /logs/verifier/fired-@\\n' | tee evil-@ > evil; chmod +x evil-@ evil
export PY="import os; os.path.isdir('/logs/verifier') and open('/logs/verifier/fired-@', 'w')"
export JS="require('fs').writeFileSync('/logs/verifier/fired-@', '')"
export RB="File.write('/logs/verifier/fired-@', '')"
export PL="open(F, '>', '/logs/verifier/fired-@'); 1;"
"""


def planted(case: Case) -> str:
    """The candidate's command."""
    return f"(\n{EVIL}{case.plant}\n)\n".replace("@", str(case.number))


def used(case: Case) -> str:
    """The verifier's line."""
    line = f"(cd /app; export EVIL=/app/evil-@; {case.use}) < /dev/null > /dev/null 2>&1\n"
    return line.replace("@", str(case.number))


async def fired(
    bench: Bench, spec: Any, tasks: Mapping[str, tuple[Path, bool]]
) -> dict[str, tuple[str, float | None, set[int], str]]:
    """Each trial's outcome, reward and detail, and which cases left their mark."""
    spec = bench.over(spec, {name: path for name, (path, _) in tasks.items()})
    chosen = tuple(TaskSpec(name=n, path=p, as_left=left) for n, (p, left) in tasks.items())
    trials = await bench.finish(spec.model_copy(update={"tasks": chosen}), 200)
    found: dict[str, tuple[str, float | None, set[int], str]] = {}
    for name, trial in trials.items():
        marks = bench.trial_directory(trial).glob("verifier/fired-*")
        numbers = {int(re.sub(r"\D", "", mark.name)) for mark in marks}
        found[name] = (trial.outcome, trial.reward, numbers, trial.detail)
    return found


async def played(
    bench: Bench,
    write_task: Callable[..., None],
    honest: str,
    chosen: list[Case],
    **how: Any,
) -> dict[str, tuple[str, float | None, set[int], str]]:
    """Every case, and the controls."""
    plants: dict[str, str] = {}
    tasks: dict[str, tuple[Path, bool]] = {}

    def add(name: str, group: list[Case], *, plant: bool = True, as_left: bool = False) -> None:
        verifier = "".join(map(used, group)) + "echo 0 > /logs/verifier/reward.txt\n"
        image = VENV if group[0].image else PLAIN
        place = bench.directory / "tasks" / name
        tasks[name] = (write(place, write_task, name, verifier, image), as_left)
        if plant:
            plants[name] = "".join(map(planted, group))

    for image in ("", "venv"):
        quiet = [case for case in chosen if case.ends == "no effect" and case.image == image]
        if quiet:
            add(f"quiet{image}", quiet)
            add(f"live{image}", quiet, as_left=True)
            add(f"control{image}", quiet, plant=False)
    for case in chosen:
        if case.ends == "tampered":
            add(f"told-{case.number}", [case])
    for path, _ in tasks.values():
        toml = path / "task.toml"
        toml.write_text(toml.read_text().replace("timeout_sec = 20", "timeout_sec = 180"))
    spec = bench.spec(planting(honest, plants), {}, concurrency=2, trial_timeout_seconds=60, **how)
    return await fired(bench, spec, tasks)


WITHOUT_MARK = {
    "pip",
    "uv",
    "conda",
    "java",
    "ruby",
    "wget",
    "python",
    "ld.so",
    "go",
    "bash",
    "perl",
}


async def test_what_tools_load_unasked_is_not_the_candidates(
    bench: Bench, write_task: Callable[..., None], harness_source: str
) -> None:
    everywhere = [case for case in cases() if case.where != "docker"]
    chosen = [case for case in everywhere if case.here]
    missing = sorted({case.tool for case in everywhere} - {case.tool for case in chosen})
    print("not on this machine:", ", ".join(missing) or "none")  # noqa: T201
    found = await played(bench, write_task, harness_source, chosen)

    for case in chosen:
        if case.ends == "tampered":
            outcome, reward, _, detail = found[f"told-{case.number}"]
            assert (outcome, reward) == ("tampered", 0.0), (case, detail)
    for name, (outcome, reward, marks, detail) in found.items():
        if name.startswith(("quiet", "control")):
            said = [case for case in chosen if case.number in marks]
            assert (outcome, reward, marks) == ("failed", 0.0, set()), (name, said, detail)
    live = {number for name, told in found.items() if name.startswith("live") for number in told[2]}
    dead = [c for c in chosen if c.ends == "no effect" and c.number not in live]
    assert not [c for c in dead if c.tool not in WITHOUT_MARK], dead
    assert len(live) >= len(dead), dead


def test_the_documents_have_the_catalogue() -> None:
    written = DOCUMENT.read_text()
    assert written[written.index(BEGIN) : written.index(END) + len(END)] == table()


def test_the_catalogue_has_every_tool() -> None:
    wanted = (
        "bash sh python pytest uv pip conda node npm git curl wget make cargo go java ruby perl"
    )
    assert {case.tool for case in cases()} >= {*wanted.split(), "sqlite3", "jq", "ld.so"}
