"""Harbor's oracle in the place of the candidate: what it leaves is verified as a candidate's is.

A task that can only be passed by what a verifier does not start with is found so (rule R1).
"""

from typing import Any, override

from harbor.agents.base import BaseAgent
from harbor.agents.capabilities import AgentCapabilities
from harbor.agents.oracle import OracleAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

from autoagent.environments.refereed import RefereedEnvironment


class Oracle(BaseAgent):
    """Runs a task's own solution in the candidate's phase."""

    # What a task asks of an agent is nothing to its solution.
    capabilities = AgentCapabilities(windows=True, skills=True, mcp_servers=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Describe the trial, in Harbor's words."""
        super().__init__(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        self._oracle: OracleAgent | None = None

    @staticmethod
    @override
    def name() -> str:
        return OracleAgent.name()

    @override
    def version(self) -> str:
        return "1.0.0"

    @override
    async def setup(self, environment: BaseEnvironment) -> None:
        """Nothing is needed."""

    @override
    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        """Solve the task; of the solution, only what it did is left."""
        assert isinstance(environment, RefereedEnvironment)
        if self._oracle is None:  # one for all steps of a task
            task, paths = environment.environment_dir.parent, environment.trial_paths
            self._oracle = OracleAgent(self.logs_dir, task_dir=task, trial_paths=paths)
        async with environment.agent_phase():
            await self._oracle.run(instruction, environment, context)
            await environment.exec("rm -rf /solution", cwd="/", user="root")
