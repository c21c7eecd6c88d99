"""What a worker is told goes through a file and comes back equal."""

import time
from pathlib import Path

from autoagent.config import load_config
from autoagent.records import Running
from autoagent.worker.engine import EvaluationSpec
from autoagent.workspace.layout import Workspace

CONFIG = """\
[harness]
class = "Mine"
model = "gpt-5"
[benchmark]
only = ["a*"]
verify_in_place = ["serves-*"]
concurrency = 3
[budget]
dollars_per_trial = 0.5
[gateway]
models = ["text-embedding-3-small"]
[gateway.prices."gpt-5"]
input = 1
output = 2.5
"""


def spec_of(tmp_path: Path, **changes: object) -> EvaluationSpec:
    (tmp_path / "autoagent.toml").write_text(CONFIG)
    workspace = Workspace(root=tmp_path, config=load_config(tmp_path), state=tmp_path / "state")
    facts = {"id": "e1", "kind": "full", "candidate": "c", "digest": "d", "tasks": ("a", "b")}
    running = Running.model_validate(
        {**facts, "attempts": 1, "deadline": time.time() + 60, **changes}
    )
    tasks = {"serves-http": tmp_path / "serves-http", "b": tmp_path / "b"}
    return EvaluationSpec.of(workspace, running, tasks, {"": tmp_path / "h"}, model="rules")


def test_a_spec_that_was_stored_is_loaded_equal(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    spec.directory.mkdir(parents=True)

    spec.store()

    assert EvaluationSpec.load(spec.directory) == spec
    assert spec.config.harness.class_name == "Mine"


def test_what_follows_from_the_frozen_configuration_is_not_told_twice(tmp_path: Path) -> None:
    spec, probe = spec_of(tmp_path), spec_of(tmp_path, kind="oracle")

    assert [spec.verified_in_place(task) for task in spec.tasks] == [True, False]
    assert (spec.reserved_dollars_per_trial, probe.reserved_dollars_per_trial) == (0.5, 0.0)
    assert spec.with_benchmark(concurrency=8).config.benchmark.concurrency == 8


def test_what_a_hidden_evaluation_leaves_behind_is_outside_of_the_workspace(tmp_path: Path) -> None:
    assert spec_of(tmp_path).jobs == tmp_path / ".autoagent/jobs"
    assert spec_of(tmp_path, hidden=True).jobs.is_relative_to(tmp_path / "state")
