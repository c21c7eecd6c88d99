"""Every error AutoAgent raises on purpose, in one tree.

    AutoAgentError
    ├── ConfigError            autoagent.toml says something it cannot mean
    ├── WorkspaceError         the directory is not a workspace we can climb in
    │   ├── BoundaryError      agent.py has no boundary, or two, or is not text
    │   └── TaskError          a task is malformed or needs what we do not have
    ├── CandidateRefused       a proposed harness breaks a rule; nothing was recorded
    ├── OutOfOrder             a call the current phase does not allow
    ├── UnknownName            an id, task or file that is not in the enumerated set
    ├── BudgetExceeded         the next evaluation could pass the climb's cap
    ├── WorkspaceBusy          another server holds the workspace
    ├── JournalError           the journal is damaged or cannot be written
    └── InfrastructureFault    the machine failed, not the candidate; never a score

A message says what happened (with the file and the value), why, and what to do next.
Errors a meta-agent can meet carry that call in `next_call` as well; `str()` ends with it.
"""


class AutoAgentError(Exception):
    """Something AutoAgent refuses or cannot do, told in one sentence.

    Attributes:
        message: What happened and why, without the call to make next.
        next_call: The exact tool call or command to make next, or None.
    """

    def __init__(self, message: str, next_call: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_call = next_call

    def __str__(self) -> str:
        """The message, and the call where one is named."""
        return f"{self.message} Next: {self.next_call}." if self.next_call else self.message


class ConfigError(AutoAgentError):
    """autoagent.toml holds a key or value that is not allowed."""


class WorkspaceError(AutoAgentError):
    """The directory cannot be climbed in as it is."""


class BoundaryError(WorkspaceError):
    """agent.py cannot be split into an editable part and a fixed section."""


class TaskError(WorkspaceError):
    """A task directory is malformed, or needs what its environment cannot give."""


class CandidateRefused(AutoAgentError):
    """The proposed harness breaks a rule. Nothing was committed.

    Attributes:
        problems: One line per broken rule, each `file:line: what`.
    """

    def __init__(self, problems: list[str], next_call: str) -> None:
        listed = "\n".join(f"- {problem}" for problem in problems)
        super().__init__(
            f"The candidate was refused and nothing was committed:\n{listed}\n", next_call
        )
        self.problems = problems


class OutOfOrder(AutoAgentError):
    """A call the climb's phase does not allow."""


class UnknownName(AutoAgentError):
    """A task, trial, candidate or file name outside the enumerated set."""


class BudgetExceeded(AutoAgentError):
    """The next evaluation could pass a cap the human set, so it does not start."""


class WorkspaceBusy(AutoAgentError):
    """Another process holds the workspace's lock."""


class JournalError(AutoAgentError):
    """The journal is damaged, or could not be written."""


class InfrastructureFault(AutoAgentError):
    """The machine failed, not the candidate: the trial is void, never 0."""
