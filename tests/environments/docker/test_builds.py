"""Images are built as Harbor builds them; a build that fails is its task's own trouble, once."""

import shutil
import subprocess
from typing import Any

import pytest

from autoagent.environments.docker.images import buildkit, builds
from autoagent.environments.docker.images.buildkit import BuildFailed, builder

Bench = Any  # tests/conftest.py

DOCKERFILES = {
    "modes": "COPY --chmod=0751 question.txt /app/moded\nRUN [ $(stat -c %a /app/moded) = 751 ]\n",
    "mounts": "RUN --mount=type=cache,target=/cache touch /cache/x && [ -e /cache/x ]\n",
    "links": "COPY --link question.txt /linked\n",
    "here-documents": "RUN <<EOF\necho one >/app/here\nEOF\nCOPY <<EOF /app/other\ntwo\nEOF\n",
    "fails": "RUN echo the reason is here >&2; exit 7\n",
}


SINCE_23 = ("links", "here-documents")
"""What the daemon's own reader of Dockerfiles knows since that version."""


@pytest.fixture(params=["buildx", "compose"])
def by(request: pytest.FixtureRequest, daemon: Any) -> Any:
    """A plugin that speaks to BuildKit."""
    plugin = request.param
    if subprocess.run(["docker", plugin, "version"], capture_output=True).returncode:
        pytest.skip(f"there is no `docker {plugin}` here")
    return plugin


@pytest.mark.slow
async def test_a_task_is_built_by_buildkit_and_one_that_fails_says_its_builders_last_lines(
    bench: Bench, base: str, daemon: Any, harness_source: str
) -> None:
    if not builder():
        pytest.skip("neither `docker buildx` nor `docker compose` is here")
    version = int(daemon.version()["Version"].split(".")[0])
    names = {name: "q" for name in DOCKERFILES if version >= 23 or name not in SINCE_23}
    spec = bench.spec(harness_source, names, environment="docker", void_retries=2)
    for task in spec.tasks:
        with (task.path / "environment/Dockerfile").open("a") as file:
            file.write(DOCKERFILES[task.name])

    trials = await bench.finish(spec, 240)

    outcome, why = trials["fails"].outcome, trials.pop("fails").detail
    assert outcome == "void" and why.startswith("tasks/fails/environment: the image was not built")
    assert "the reason is here" in why and "exit code: 7" in why
    assert {name: trial.outcome for name, trial in trials.items()} == dict.fromkeys(
        trials, "passed"
    ), bench.log()


def test_either_plugin_builds_with_a_dockerfile_and_without_one(
    by: Any, base: str, daemon: Any, tmp_path: Any
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN [ -d / ]\n")
    labels = {"org.autoagent.state": "of $a test"}
    for inline in (None, f"FROM {base}\nWORKDIR /inline\n"):
        place = tmp_path if inline is None else tmp_path / "nothing"
        place.mkdir(exist_ok=True)
        buildkit.build(by, place, inline, "autoagent-task:of-a-test", labels, 60)

        made = daemon.images.get("autoagent-task:of-a-test")
        assert labels.items() <= made.labels.items()
        assert (made.attrs["Config"]["WorkingDir"] == "/inline") == bool(inline)
        daemon.images.remove(made.id, force=True)
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN sleep 60\n")
    with pytest.raises(BuildFailed, match="it took more than 1 s"):
        buildkit.build(by, tmp_path, None, "autoagent-task:of-a-test", labels, 1)


async def test_without_a_plugin_the_daemons_old_builder_builds(
    base: str, daemon: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "builder", lambda: "")
    context = tmp_path / "tasks/t/environment"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(f"FROM {base}\nWORKDIR /old\n")
    labels = {"org.autoagent.state": "t"}

    made = await builds.image_of(context, None, labels, 60)

    assert made.work == "/old"
    shutil.rmtree(context)
    builds.forget()
