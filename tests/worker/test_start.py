"""What a trial takes until the harness's first line is the machine's time, not the harness's."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from harbor.models.agent.context import AgentContext
from harbor.trial.errors import AgentTimeoutError

from autoagent.environments.refereed import RefereedEnvironment
from autoagent.environments.sandbox.inside import wire
from autoagent.environments.trials import in_hand
from autoagent.errors import InfrastructureFault
from autoagent.gate.agenda import Slot
from autoagent.worker.acting import conversation
from autoagent.worker.acting.conversation import Conversation, Ending
from autoagent.worker.acting.harness import HarnessProcess
from autoagent.worker.acting.proxy import ProxyAgent
from autoagent.worker.job import remember_exclusions
from autoagent.worker.trials import MeasuredTrial

pytestmark = pytest.mark.rule("R9")
LIMIT = 0.2
ORDER = wire.Order("/scratch", "/agent.py", "Agent", None, "t", "t__1", "do it")


class Place(RefereedEnvironment):
    """An environment in name only."""

    def __init__(self, directory: Path) -> None:
        self.trial_paths = cast("Any", SimpleNamespace(trial_dir=directory))

    @asynccontextmanager
    async def agent_phase(self) -> AsyncGenerator[None]:
        yield


Place.__abstractmethods__ = frozenset()


async def played(tmp_path: Path, starting: float, working: float) -> None:
    """A trial of a process that starts and works for so long, in seconds."""

    async def run_trial(*_: object, begun: Callable[[], None], **_more: object) -> Ending:
        await asyncio.sleep(starting)
        begun()
        await asyncio.sleep(working)
        return Ending(None, "", {})

    process = cast("HarnessProcess", SimpleNamespace(run_trial=run_trial, digest="d" * 12))
    (tmp_path / "agent").mkdir()
    in_hand[tmp_path.name] = MeasuredTrial(
        id="e1.t.1", slot=Slot("", "t", 1), directory=tmp_path, limit_seconds=LIMIT, process=process
    )
    try:
        agent = ProxyAgent(logs_dir=tmp_path / "agent", digest="d" * 12)
        await agent.run("do it", cast("Any", Place)(tmp_path), AgentContext())
    finally:
        del in_hand[tmp_path.name]


async def test_a_slow_start_is_not_the_harnesses_time(tmp_path: Path) -> None:
    await played(tmp_path, starting=2 * LIMIT, working=0)


async def test_a_harness_that_works_too_long_is_stopped_at_its_limit(tmp_path: Path) -> None:
    with pytest.raises(AgentTimeoutError, match=f"after {LIMIT} seconds"):
        await played(tmp_path, starting=0, working=600)


@pytest.mark.parametrize("how", ["silent", "gone"])
async def test_a_trial_that_never_starts_measures_nothing(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(conversation, "START_SECONDS", 0.1)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    if how == "gone":
        theirs.close()

    with pytest.raises(InfrastructureFault, match="did not start"):
        await Conversation(reader, writer, *[cast("Any", None)] * 4).begin(ORDER)

    writer.close()
    theirs.close()


def test_harbor_is_asked_once_for_each_file_of_a_task_whether_it_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters: Any = pytest.importorskip(
        "harbor.models.task.file_filter", reason="Harbor 0.24 leaves no file of a task out"
    )
    asked: list[str] = []
    answer = filters.TaskFileFilter.is_excluded

    def is_excluded(self: Any, path: Path) -> bool:
        asked.append(path.name)
        return answer(self, path)

    monkeypatch.setattr(filters.TaskFileFilter, "is_excluded", is_excluded)
    remember_exclusions()
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / ".harborignore").write_text("left.out\n")
    files = [tests / "test.sh", tests / "left.out"]

    found = [filters.TaskFileFilter(tmp_path).is_excluded(path) for _ in range(3) for path in files]

    assert found == 3 * [False, True]
    assert asked == ["test.sh", "left.out"]
