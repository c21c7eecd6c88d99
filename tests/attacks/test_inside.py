"""A hostile harness in a real evaluation: every trial tries its attack, and gains nothing."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .inside import INSIDE, WORK, Grounds, Inside, evidence, harness, write_tasks

pytestmark = pytest.mark.slow

Serving = Any  # conftest.py
CONFIG = "[benchmark]\nconcurrency = 4\n"
IDLE = "cp /app/question.txt /app/answer.txt"
SERVERS_OWN = {
    "DOCKER_HOST": "tcp://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "GIT_SSH_COMMAND": "false",
    "SECRET_API_KEY": "sk-secret",
    "PYTHONSTARTUP": "/nowhere.py",
    "LD_PRELOAD": "/nowhere.so",
}
SILENT = {"A8.3", "A8.4", "A8.5", "A8.7", "A8.8", "A8.9"}
"""Attacks that end their process, or its time, before it can hand over what it wrote."""
OUTCOMES = {
    "A8.2": "crashed",
    "A8.3": "crashed",
    "A8.4": "timeout",
    "A8.5": "timeout",
    "A8.7": "crashed",
    "A8.8": "crashed",
    "A8.9": "timeout",
}


class Played(NamedTuple):
    """One climb: the trials of the hostile candidate, its evidence, and the grounds."""

    outcomes: dict[str, tuple[str, float | None]]
    details: dict[str, str]
    seen: dict[str, dict[str, Any]]
    planted: list[Path]
    passed: int
    row: dict[str, Any]


CACHE: list[Played] = []


@pytest.fixture
async def played(
    serving: Serving,
    make_workspace: Callable[..., Path],
    write_task: Callable[..., None],
    harness_source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Played]:
    """The climb, played once for the module: baseline, hostile candidate, ledger row."""
    if not CACHE:
        idle = harness_source.replace(IDLE, "true")
        root = make_workspace({"x": ("x", "x")}, harness=idle, config=CONFIG, commit=False)
        grounds = Grounds(tmp_path, root, sandboxed=True)
        try:
            CACHE.append(
                await play(serving, grounds, write_task, harness_source, monkeypatch, tmp_path)
            )
        finally:
            grounds.close()
    yield CACHE[0]


async def play(
    serving: Serving,
    grounds: Grounds,
    write_task: Callable[..., None],
    honest: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Played:
    import shutil

    from ..conftest import git

    root = grounds.root
    shutil.rmtree(root / "tasks/x")
    write_tasks(root / "tasks", write_task)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "start")):
        git(root, *command)
    monkeypatch.setenv("HOME", str(grounds.home))
    monkeypatch.setenv("PYTHONPATH", str(root))
    for name, value in SERVERS_OWN.items():
        monkeypatch.setenv(name, value)
    async with serving(root) as caller:
        await caller.baseline()
        (root / "agent.py").write_text(harness(honest, grounds.host))
        grounds.beside()
        await caller.ask("commit_candidate", description="hostile")
        measured = await caller.ask("run_benchmark")
        recorded = await caller.ask("append_result")
    from autoagent.referee.referee import Referee

    referee = Referee.open(root)
    trials = {t.task: t for t in referee.evaluation(measured["evaluation"]).trials}
    referee.close()
    return Played(
        outcomes={name: (t.outcome, t.reward) for name, t in trials.items()},
        details={name: t.detail for name, t in trials.items()},
        seen=evidence(root / ".autoagent/jobs"),
        planted=grounds.planted(),
        passed=measured["score"]["passed"],
        row=recorded["row"],
    )


async def test_honest_trials_beside_the_attacks_pass_and_nothing_else(played: Played) -> None:
    """The control: the same candidate's honest work counts, whatever its neighbours did."""
    passed = {name for name, (outcome, _) in played.outcomes.items() if outcome == "passed"}
    assert passed == set(WORK)
    assert played.passed == len(WORK)
    assert played.planted == []


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(a, id=a.id, marks=pytest.mark.attack(a.id, ending=a.ending, what=a.what))
        for a in INSIDE
    ],
)
async def test_an_attack_from_inside_gains_nothing(played: Played, attack: Inside) -> None:
    outcome, reward = played.outcomes[attack.trial]
    seen = played.seen.get(attack.id, {})
    if attack.ending == "score 0":
        expected = OUTCOMES.get(attack.id, "failed")
        assert (outcome, reward) == (expected, 0.0), (played.details[attack.trial], seen)
    else:
        assert (outcome, reward) == (attack.ending, 0.0), (played.details[attack.trial], seen)
    if attack.id not in SILENT:
        assert seen.get("tried"), "the attack was never tried"
        assert not seen.get("won"), seen
        assert "not planted" not in (seen.get("failed") or "")
