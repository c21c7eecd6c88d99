"""A machine that cannot isolate: refused before anything is written, unless the human says so."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.errors import InfrastructureFault
from autoagent.evidence.events import ClimbStarted
from autoagent.evidence.journal import Journal
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

WHY = "no sandbox here. Allow user namespaces."


def test_start_climb_refuses_with_the_reason_and_the_fix_and_writes_nothing(
    workspace: Path,
) -> None:
    referee = Referee.open(workspace, ScriptedEngine({"t1": [1.0]}, refuses=WHY))
    try:
        with pytest.raises(InfrastructureFault) as refused:
            referee.start_climb("night")
        status = referee.status()
    finally:
        referee.close()
    assert refused.value.message == WHY
    assert refused.value.next_call == "run `autoagent doctor`"
    assert (status.phase, status.next_calls[0]) == ("new", "start_climb(tag)")
    assert list(Path(status.state_directory, "snapshots").glob("*")) == []
    assert not (workspace / "results.tsv").exists()


def test_isolation_process_is_refused_where_tasks_run_in_the_sandbox(
    make_workspace: Callable[..., Path],
) -> None:
    """The real engine: one sentence that names the setting and what to do, and nothing starts."""
    referee = Referee.open(make_workspace(config='isolation = "process"\n'))
    try:
        with pytest.raises(InfrastructureFault) as refused:
            referee.start_climb("night")
        phase = referee.status().phase
    finally:
        referee.close()
    assert refused.value.message.startswith('isolation = "process" takes the harness out')
    assert 'set `environment = "docker"`' in refused.value.message
    assert phase == "new"


def test_with_isolation_process_the_climb_starts_and_everything_says_so(
    make_workspace: Callable[..., Path],
) -> None:
    root = make_workspace(config='isolation = "process"\n[benchmark]\nenvironment = "docker"\n')
    engine = ScriptedEngine({"t1": [1.0]}, refuses=WHY)
    referee = Referee.open(root, engine)
    try:
        referee.start_climb("night")
        while referee.advance().phase == "validating":
            pass
        referee.run_benchmark()
        status = referee.status()
    finally:
        referee.close()
    assert status.isolation == "UNSANDBOXED (isolation = process); tasks run in docker"
    assert {spec.config.isolation for spec in engine.started} == {"process"}
    journal = Journal(Path(status.state_directory, "journal.sqlite3"), read_only=True)
    started = journal.last(ClimbStarted)
    journal.close()
    assert started is not None
    assert started.event.isolation == "process"
