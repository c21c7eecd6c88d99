"""The sandbox between two steps of a task: what each of the three finds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autoagent.environments.sandbox.sandbox import SandboxEnvironment
from autoagent.environments.trials import in_hand, trial_in_hand
from autoagent.errors import InfrastructureFault

from .test_sandbox import build, shell

pytestmark = pytest.mark.slow


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxEnvironment]:
    """A running environment."""
    environment = build(tmp_path, "FROM autoagent-base\nWORKDIR /app\nRUN echo image > ~/.both\n")
    await environment.start(force_build=False)
    yield environment
    await environment.stop(delete=True)
    in_hand.pop("trial", None)


async def verified(sandbox: SandboxEnvironment, tests: Path, command: str) -> str:
    """What a verifier with these files prints."""
    tests.mkdir(exist_ok=True)
    (tests / "secret.txt").write_text("the answer\n")
    await sandbox.upload_dir(tests, "/tests")
    return await shell(sandbox, command)


async def test_a_later_step_is_prepared_in_the_candidates_view_and_goes_on_with_what_it_left(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    async with sandbox.agent_phase():
        await shell(sandbox, "echo mine > ~/.both; mkdir -p ~/.own/deep; echo x > ~/.own/deep/file")
    look = "cat /tests/secret.txt ~/.both; ls -A ~; touch /logs/verifier/left $TMPDIR/left"
    said = await verified(sandbox, tmp_path / "tests", look)
    assert said.splitlines()[:2] == ["the answer", "image"]
    assert ".own" not in said

    await sandbox.empty_dirs(["/logs/agent"])  # as Harbor begins a step
    seen = "ls -A /tests /logs/verifier /verifier /tmp; cat ~/.both ~/.own/deep/file"
    wanted = "/logs/verifier:\n\n/tests:\n\n/tmp:\n\n/verifier:\nmine\nx"
    assert await shell(sandbox, seen) == wanted
    async with sandbox.agent_phase():
        assert await shell(sandbox, seen) == wanted

    assert await shell(sandbox, "ls -A /tests /logs/verifier; cat ~/.both; ls -A ~") == (
        "/logs/verifier:\n\n/tests:\nimage\n.both"
    )
    assert trial_in_hand("trial").tampered is None


async def test_a_machine_that_fails_while_a_step_is_prepared_makes_the_trial_void(
    sandbox: SandboxEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No verifier follows that would fail as well: nobody else would say so (rule R9)."""

    async def no_sandbox(*_: object, **__: object) -> None:
        raise InfrastructureFault("The sandbox was not made.")

    async with sandbox.agent_phase():
        pass
    await sandbox.empty_dirs(["/logs/agent"])
    monkeypatch.setattr("autoagent.environments.sandbox.sandbox.run", no_sandbox)

    with pytest.raises(InfrastructureFault):
        await sandbox.exec("pwd")

    assert trial_in_hand("trial").fault == "The sandbox was not made."


async def test_whoever_never_acted_leaves_the_environment_to_the_verifier(
    sandbox: SandboxEnvironment, tmp_path: Path
) -> None:
    """Harbor's no-op enters no phase, in any step."""
    await sandbox.empty_dirs(["/logs/agent"])
    assert await verified(sandbox, tmp_path / "tests", "cat /tests/secret.txt") == "the answer"
