"""Harbor's providers: a plain environment is refereed, and one that is not ready is refused."""

import json
from pathlib import Path

import pytest

from autoagent.environments import harbor
from autoagent.environments.kinds import kind_of
from autoagent.errors import ConfigError, InfrastructureFault
from autoagent.worker import detached

from ..conftest import Bench

REMOTE = "harbor:remote_machine:RemoteMachine"
STEPS = '"cp /app/question.txt /app/answer.txt"'


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in for a provider is importable, as a class of the user's would be installed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    passed_on = (*detached._PASSED_ON, "PYTHONPATH")
    monkeypatch.setattr(detached, "_PASSED_ON", passed_on)


def harness(source: str, command: str) -> str:
    return source.replace(STEPS, json.dumps(command))


@pytest.mark.slow
async def test_trials_on_a_provider_are_measured_and_say_that_they_were_verified_in_place(
    bench: Bench, harness_source: str
) -> None:
    spec = bench.spec(harness_source, {"t1": "a", "t2": "b"}, environment=REMOTE)

    trials = await bench.finish(spec)

    assert {trial.outcome for trial in trials.values()} == {"passed"}, bench.log()
    assert all(trial.in_place for trial in trials.values())
    trajectory = bench.trial_directory(trials["t1"]) / "agent/trajectory.json"
    assert json.loads(trajectory.read_text())["agent"]["name"] == "autoagent"


@pytest.mark.slow
async def test_what_a_candidate_plants_for_the_verifier_is_gone_when_that_starts(
    bench: Bench, harness_source: str
) -> None:
    """reward.json would win over the reward.txt that the verifier writes."""
    plant = (
        "echo '{\"reward\": 1}' > /logs/verifier/reward.json; "
        "echo 'echo 1 > /logs/x' > /tests/conftest.sh; ln -s /app /logs/verifier/x"
    )
    spec = bench.spec(harness(harness_source, plant), {"t1": "a"}, environment=REMOTE)

    trials = await bench.finish(spec)

    assert (trials["t1"].outcome, trials["t1"].reward) == ("failed", 0.0), bench.log()
    verifier = bench.trial_directory(trials["t1"]) / "verifier"
    assert {path.name for path in verifier.iterdir()} == {"reward.txt", "test-stdout.txt"}


@pytest.mark.slow
async def test_a_directory_that_cannot_be_emptied_is_tampering(
    bench: Bench, harness_source: str
) -> None:
    """A file in the place of /logs, for one: `mkdir` fails, and what is there is not ours."""
    block = "cp /app/question.txt /app/answer.txt; rm -rf /logs; echo > /logs"
    spec = bench.spec(harness(harness_source, block), {"t1": "a"}, environment=REMOTE)

    trials = await bench.finish(spec)

    assert (trials["t1"].outcome, trials["t1"].reward) == ("tampered", 0.0), bench.log()


@pytest.mark.slow
@pytest.mark.attack(
    "C9.14",
    ending="tampered",
    what="on a provider: links its answer to the tests, or leaves a pipe",
)
async def test_what_leads_the_verifier_to_the_tests_on_a_provider_is_tampering(
    bench: Bench, harness_source: str
) -> None:
    plants = {
        "honest": "cp /app/question.txt /app/x; ln -s x /app/answer.txt; ln -s /usr/bin /app/bin",
        "links": "ln -s /tests/expected.txt /app/answer.txt",
        "follows": "ln -s b/expected.txt /app/answer.txt; ln -s ../tests /app/b",
        "pipes": "cp /app/question.txt /app/answer.txt; mkfifo /app/pipe",
    }
    chosen = [f"{name}) {plant};;" for name, plant in plants.items()]
    command = f"case $(cat /app/question.txt) in {' '.join(chosen)} esac"
    spec = bench.spec(
        harness(harness_source, command), {name: name for name in plants}, environment=REMOTE
    )
    for task in spec.tasks:
        (task.path / "tests/expected.txt").write_text(f"{task.name}\n")

    trials = await bench.finish(spec)

    outcomes = {name: trial.outcome for name, trial in trials.items()}
    tampered = dict.fromkeys(("links", "follows", "pipes"), "tampered")
    assert outcomes == {"honest": "passed"} | tampered, bench.log()
    assert "/app/answer.txt is a link that leads to /tests" in trials["follows"].detail


@pytest.mark.slow
def test_a_provider_that_is_not_ready_is_refused_before_anything_starts(bench: Bench) -> None:
    for name, why in {
        "harbor:remote_machine:Unready": r"REMOTE_TOKEN is not set\.",
        "harbor:daytona": r"packages that are not here: daytona.*harbor\[daytona\]",
        "harbor:mars": "Harbor has none of that name. It has ack, .*modal",
    }.items():
        with pytest.raises(InfrastructureFault, match=why):
            bench.engine.check("process", name)


def test_every_type_of_harbors_is_found_or_says_what_is_missing() -> None:
    kinds = list(harbor.EnvironmentType)
    for kind in kinds:
        try:
            made = harbor.refereed_class(f"harbor:{kind.value}")
        except InfrastructureFault as fault:
            assert kind.value in str(fault)
        else:
            assert made.__mro__[1] is harbor.Refereed
    assert len(kinds) > 20


def test_a_class_that_is_no_environment_is_refused() -> None:
    with pytest.raises(ConfigError, match="must subclass BaseEnvironment"):
        harbor.refereed_class("harbor:json:JSONDecoder")


def test_a_provider_gets_its_own_credentials_and_no_other() -> None:
    here = {"DAYTONA_API_KEY": "d", "MODAL_TOKEN_ID": "m", "OPENAI_API_KEY": "o", "KUBECONFIG": "k"}

    assert kind_of("harbor:daytona").worker_variables(here) == {"DAYTONA_API_KEY": "d"}
    assert kind_of("harbor:gke").worker_variables(here) == {"KUBECONFIG": "k"}
    assert kind_of("docker").worker_variables({**here, "DOCKER_HOST": "h"}) == {"DOCKER_HOST": "h"}
    assert kind_of("sandbox").worker_variables(here) == {}
    assert kind_of(REMOTE).worker_variables(here) == {}


def test_a_worker_asks_the_daemon_that_its_server_was_told_of() -> None:
    told = {"DOCKER_HOST": "unix:///run/mine.sock", "DOCKER_TLS_VERIFY": "1"}

    assert kind_of("docker").worker_variables({**told, "DOCKER_PASSWORD": "p"}) == told
