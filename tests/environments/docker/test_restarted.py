"""A Docker daemon that is stopped and started again in the middle of an evaluation (rule R9)."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from autoagent.environments.docker import daemon as ours
from autoagent.evidence import events
from autoagent.records import Trial
from autoagent.referee import evaluations
from autoagent.referee.referee import Referee

from ...conftest import git
from ...referee.playing import edit
from .own_daemon import OwnDaemon

pytestmark = [
    pytest.mark.slow,
    # The SDK drops the connection of a daemon that is gone without closing it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

Bench = Any  # tests/conftest.py
CONFIG = """\
[benchmark]
environment = "docker"
void_retries = 1
concurrency = 2
[gate]
rule = "strict"
[certify]
passes = 0
"""
WORKS = "cp /app/question.txt /app/answer.txt"
TAKES_ITS_TIME = f"{WORKS}; sleep 2"
MOST_SECONDS = 120.0


@pytest.fixture
def place() -> Iterator[Path]:
    """For sockets: containerd takes no path of over 104 characters, as below `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="daemon-") as directory:
        yield Path(directory)


@pytest.fixture
def own(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnDaemon]:
    """A daemon of the test's own; nothing of it is left."""
    if why := OwnDaemon.why_not():
        pytest.skip(why)
    started = OwnDaemon(place)
    try:
        started.start()
    except RuntimeError as error:
        started.stop()
        pytest.skip(f"dockerd did not start: {str(error)[-300:]}")
    monkeypatch.setenv("DOCKER_HOST", started.host)
    ours.client.cache_clear()
    try:
        started.make_base()
        yield started
    finally:
        ours.client.cache_clear()
        started.stop()


def until(happened: Callable[[], object]) -> None:
    """Wait for another process; it has no event to wait on."""
    late = time.monotonic() + MOST_SECONDS
    while not happened():
        assert time.monotonic() < late
        time.sleep(0.05)


def acting(client: Any) -> int:
    """In how many containers a harness is at work."""
    at_work = 0
    for each in client.api.containers():
        with contextlib.suppress(APIError):  # it has ended meanwhile
            at_work += "sleep 2" in str(client.api.top(each["Id"]))
    return at_work


def left(client: Any) -> set[str]:
    """What trials left in the daemon; images of tasks are kept for the next evaluation."""
    return {
        *(f"container {each.id}" for each in client.containers.list(all=True)),
        *(f"volume {each.name}" for each in client.volumes.list()),
        *(f"network {each.name}" for each in client.networks.list()),
        *(f"image {each.tags}" for each in client.images.list() if "autoagent-" not in str(each)),
    } - {"network none", "network host"}


@pytest.mark.rule("R9")
def test_a_daemon_that_is_restarted_voids_what_ran_and_the_climb_goes_on(
    own: OwnDaemon, make_workspace: Callable[..., Path]
) -> None:
    """Once it stays away for a while, in the baseline; and once it is back at once."""
    root = make_workspace({"t1": ("a", "a"), "t2": ("b", "c")}, config=CONFIG)
    harness = root / "agent.py"
    harness.write_text(harness.read_text().replace(WORKS, TAKES_ITS_TIME))
    git(root, "commit", "-qam", "it takes its time")
    client = own.client()
    with closing(Referee.open(root)) as referee, closing(client):
        climb = referee._climb

        def settled(evaluation: str) -> bool:
            return referee.advance().running is None and not climb.engine.alive(evaluation)

        referee.start_climb("night")
        until(lambda: referee.advance().phase == "baseline_needed")

        first = referee.run_benchmark()
        until(lambda: acting(client) == 2)
        own.stop()
        outs = lambda: climb.journal.about(first, events.ProviderOut)  # noqa: E731
        until(lambda: referee.advance() and outs())
        (noted,) = (note for note in referee.status().notes if "Docker" in note)
        assert f"the Docker daemon at {own.host} does not answer" in noted
        assert "start it again (`systemctl start docker`, `dockerd`)" in noted
        assert "no trial begins until it answers again" in noted
        void = evaluations.trials_of(climb.journal, first)
        assert [trial.outcome for trial in void] == ["void", "void"]
        assert all("Start it again" in trial.detail for trial in void)
        own.start()
        until(lambda: settled(first))
        assert [entry.event.cause == "" for entry in outs()] == [False, True]
        measured = outcomes(evaluations.trials_of(climb.journal, first))
        assert measured == {"t1": "passed", "t2": "failed"}
        assert left(client) == set()
        assert referee.append_result("baseline").status == "keep"

        edit(root, "X = 1")
        referee.commit_candidate("idea")
        second = referee.run_benchmark()
        until(lambda: acting(client) == 2)
        own.stop()
        own.start()
        until(lambda: settled(second))
        trials = evaluations.trials_of(climb.journal, second)
        assert [trial.outcome for trial in trials].count("void") == 2
        assert outcomes(trials) == measured
        assert left(client) == set()
        assert referee.append_result().status == "discard"


def outcomes(trials: list[Trial]) -> dict[str, str]:
    """What counts of each task."""
    return {trial.task: trial.outcome for trial in evaluations.deciding_trials(trials)}


@pytest.mark.rule("R9")
async def test_a_daemon_that_is_away_when_a_worker_starts_is_waited_for(
    own: OwnDaemon, bench: Bench, harness_source: str
) -> None:
    spec = bench.spec(harness_source, {"t1": "a"}, environment="docker", trial_timeout_seconds=60)
    own.stop()
    bench.engine.start(spec)
    out = lambda: [e.event.cause for e in bench.journal.about("e1", events.ProviderOut)]  # noqa: E731
    await bench.until(out)
    own.start()
    await bench.until(lambda: not bench.engine.alive("e1"), 60)
    assert bench.trials("e1")["t1"].outcome == "passed", bench.log()
    assert out()[1:] == [""]
