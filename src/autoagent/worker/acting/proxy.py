"""The Harbor agent that stands for the harness: it passes the trial on to the harness process.

Harbor imports this class, never the candidate's. It measures nothing itself; it makes
sure that what the candidate could reach ends with its phase.
"""

import asyncio
from pathlib import Path
from typing import Any, override

from harbor.agents.base import BaseAgent
from harbor.agents.capabilities import AgentCapabilities
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext
from harbor.trial.errors import AgentTimeoutError

from autoagent.environments.refereed import RefereedEnvironment
from autoagent.errors import InfrastructureFault
from autoagent.worker.acting.harness import Places
from autoagent.worker.trials import measured_trial


class HarnessCrashed(Exception):
    """The harness failed by itself: its trial scores 0 and the verifier does not run."""


class ProxyAgent(BaseAgent):
    """Runs one trial of the evaluation's harness, by the process that the worker gave it."""

    def __init__(self, *args: Any, digest: str, **kwargs: Any) -> None:
        """Describe the trial.

        Args:
            args: Harbor's.
            digest: The candidate's content; it keeps Harbor from reusing another's results.
            kwargs: Harbor's.
        """
        super().__init__(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self._digest = digest

    # What a task gives an agent goes on to the harness; whether that uses it is its own affair.
    capabilities = AgentCapabilities(skills=True, mcp_servers=True)

    @staticmethod
    @override
    def name() -> str:
        return "harness"

    @override
    def version(self) -> str:
        trial = measured_trial(Path(self.logs_dir).parent.name)  # Harbor asks before it starts too
        return (trial.process.digest if trial and trial.process else self._digest)[:12]

    @property
    def _given(self) -> dict[str, Any]:
        """What the task gives its agent: nothing of it is here where the task says nothing."""
        servers = [server.model_dump(mode="json") for server in self.mcp_servers]
        given = {"mcp_servers": servers, "skills_dir": self.skills_dir}
        return {name: value for name, value in given.items() if value}

    @override
    async def setup(self, environment: BaseEnvironment) -> None:
        """Nothing: the harness's own setup is part of its phase, on its own time."""

    @override
    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        """Run the harness within its time; nothing it started survives this call.

        Its time starts with its first line: until then the machine is at work. It stands still
        while the provider keeps it waiting (rule R9).
        """
        assert isinstance(environment, RefereedEnvironment)
        logs = Path(self.logs_dir)
        trial = measured_trial(environment.trial_paths.trial_dir.name)
        assert trial is not None and trial.process is not None
        place = trial.begin()
        limit, clock = trial.limit_seconds, trial.clock
        try:
            async with environment.agent_phase():
                if trial.fault is not None:  # Harbor goes on to the next step all the same
                    raise InfrastructureFault(trial.fault)
                async with asyncio.timeout(None) as time:  # what ends the phase is not counted
                    ending = await trial.process.run_trial(
                        instruction,
                        environment,
                        Places(logs, place),
                        clock,
                        begun=lambda: clock.begin(limit, time.reschedule),
                        given=self._given,
                    )
                    clock.end()
                    if clock.over:
                        raise TimeoutError
        except InfrastructureFault as fault:
            trial.fault = fault.message
            raise
        except TimeoutError as error:
            raise AgentTimeoutError(f"Agent execution timed out after {limit} seconds") from error
        finally:
            clock.end()
        if ending.error is not None:
            (logs / "harness-traceback.txt").write_text(ending.traceback or ending.error)
            raise HarnessCrashed(ending.error)
        _fill(context, ending.context)


def _fill(context: AgentContext, claims: dict[str, Any]) -> None:
    """Copy the harness's own counts into Harbor's result. They are claims and decide nothing."""
    for name in ("n_input_tokens", "n_cache_tokens", "n_output_tokens"):
        value = claims.get(name)
        if isinstance(value, int) and 0 <= value < 2**53:
            setattr(context, name, value)
