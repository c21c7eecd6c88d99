"""`FOO = "${FOO}"` in a task is the host's FOO where Harbor puts it, and nowhere else."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from harbor.utils import env as harbors
from hypothesis import given
from hypothesis import strategies as st

from autoagent.errors import InfrastructureFault
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tasks.inspect import inspect_task
from autoagent.workspace.tasks.snapshot import take
from autoagent.workspace.tasks.variables import Host, Named, prints, template

from ..acting import acting
from ..conftest import Bench

MakeWorkspace = Callable[..., Path]
SECRET = "s3cret-of-the-verifier"
SHOWN = "value-of-the-environment"
VERIFIER = """\
#!/bin/bash
echo "asked $ASKED"
[ "$ASKED $WORD" = "{secret} {word}" ] && [ -e /app/answer.txt ] && echo 1 >{at} || echo 0 >{at}
"""


def add(task: Path, *lines: str) -> None:
    with (task / "task.toml").open("a") as file:
        file.write("\n".join(("", *lines, "")))


def named(host: Mapping[str, str]) -> Named:
    return Named(prints=prints(Host(environment=host), host))


@given(st.text("${}:-AB\n", max_size=12))
def test_a_template_is_what_harbor_takes_for_one(value: str) -> None:
    theirs = harbors.get_required_host_vars({"x": value})

    assert [template(value)] == (theirs or [None])


@pytest.mark.attack(
    "B4.11",
    ending="no effect",
    what="looks for the verifier's secrets, and passes the environment's on",
)
@pytest.mark.slow
async def test_each_gets_its_variables_and_nobody_reads_them_afterwards(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verifier's never are where the harness acts; the environment's leave it masked."""
    host = {"OF_ENVIRONMENT": SHOWN, "OF_VERIFIER": SECRET}
    for name, value in host.items():
        monkeypatch.setenv(name, value)
    spec = bench.spec(acting("tells_its_variables"), {"t": "q"}, variables=named(host))
    task = spec.tasks[0].path
    add(task, "[environment.env]", 'WORD = "${OF_ENVIRONMENT}"', 'OTHER = "${NOT_SET:-default}"')
    add(task, "[verifier.env]", 'ASKED = "${OF_VERIFIER}"')
    test = VERIFIER.format(secret=SECRET, word=SHOWN, at="/logs/verifier/reward.txt")
    (task / "tests/test.sh").write_text(test)

    trial = (await bench.finish(spec))["t"]

    assert (trial.outcome, trial.detail) == ("passed", ""), bench.log()
    said = (bench.trial_directory(trial) / "agent/trajectory.json").read_text()
    assert "OTHER=default" in said and "WORD=[key]" in said, said
    assert "ASKED" not in said and f"word has {len(SHOWN)} characters" in said
    printed = (bench.trial_directory(trial) / "verifier/test-stdout.txt").read_text()
    assert printed.startswith("asked ***")
    grep = ["grep", "-rlE", f"{SECRET}|{SHOWN}", bench.directory]
    left = subprocess.run(grep, capture_output=True, text=True).stdout.splitlines()
    assert left == [str(task / "tests/test.sh")]


@pytest.mark.slow
async def test_a_task_that_harbor_cannot_make_is_void_in_its_words_and_the_others_are_measured(
    bench: Bench, harness_source: str
) -> None:
    """Harbor raises in the environment's constructor, which takes down the whole job."""
    spec = bench.spec(harness_source, {"a": "q", "b": "q", "c": "q"}, concurrency=3, void_retries=1)
    add(spec.tasks[1].path, "[environment.env]", 'FOO = "${FOO}"')

    trials = await bench.finish(spec)

    said = {name: (trial.outcome, trial.detail) for name, trial in trials.items()}
    missing = "ValueError: Environment variable 'FOO' not found in host environment"
    assert said == {"a": ("passed", ""), "b": ("void", missing), "c": ("passed", "")}, bench.log()


def test_what_is_no_candidates_to_see_is_refused_by_name(
    tmp_path: Path, write_task: Callable[..., None]
) -> None:
    """A key of the gateway's in the environment; a verifier's secret beside the candidate."""
    write_task(tmp_path / "tasks/t", expected="a", question="q")
    add(tmp_path / "tasks/t", "[environment.env]", 'KEY = "${OPENAI_API_KEY}"')
    add(tmp_path / "tasks/t", "[verifier.env]", 'JUDGE = "${JUDGE}"')
    values = {"OPENAI_API_KEY": "sk-1234567890", "JUDGE": "another-secret"}
    host = Host(environment=values, keys=frozenset({"OPENAI_API_KEY"}), in_place=("t*",))

    key, judge = inspect_task(tmp_path / "tasks/t", host=host).problems

    assert "OPENAI_API_KEY is a key of the gateway's" in key
    assert "JUDGE would be seen by what the candidate left running" in judge
    host = host.replace(environment={}, public=values, keys=frozenset())
    assert inspect_task(tmp_path / "tasks/t", host=host).problems == ()


def test_a_value_that_changed_since_it_was_frozen_starts_no_worker() -> None:
    frozen = named({"FOO": "as it was"})

    assert frozen.values({"FOO": "as it was", "BAR": "x"}) == {"FOO": "as it was"}
    with pytest.raises(InfrastructureFault, match="FOO: not what it was"):
        frozen.values({"FOO": "another"})
    with pytest.raises(InfrastructureFault, match="FOO: not what it was"):
        frozen.values({})


def test_another_value_is_another_task(make_workspace: MakeWorkspace) -> None:
    """What a task's oracle proved with one value is not proved with another."""
    root = make_workspace({"t": ("q", "q")})
    add(root / "tasks/t", "[environment.env]", 'WORD = "${WORD}"')
    workspace = open_workspace(root)
    hosts = [Host(environment={"WORD": word}) for word in ("one", "one", "two")]

    first, again, other = (take(workspace, b"", host=host).tasks[0].digest for host in hosts)

    assert first == again != other
