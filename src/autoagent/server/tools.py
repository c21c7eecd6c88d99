"""The tools that play the game: each is one move of the referee, told as a reply.

The rules are in `referee.py`; nothing is decided here.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from pydantic import Field

from autoagent.evidence.untrusted import quoted
from autoagent.records import STAND_IN, Phase, Trial
from autoagent.referee.ending.worth import taking_over, worth
from autoagent.referee.telling.plateau import PLATEAU
from autoagent.referee.telling.views import EvaluationReport, Progress, Status
from autoagent.server.arguments import strict_tool
from autoagent.server.lookups import Lookups
from autoagent.server.page import VIEW
from autoagent.server.reply import (
    BenchmarkReply,
    CommitReply,
    Reply,
    ResultReply,
    StartReply,
    next_step,
)
from autoagent.server.sessions import Sessions
from autoagent.server.waiting import CallQueue, Client

if TYPE_CHECKING:
    from autoagent.evidence.position import Position
    from autoagent.referee.referee import Referee

FAILING_SHOWN = 10
CANCEL_POLL_SECONDS, CANCEL_TRIES = 0.5, 60

AnyContext = Context[Any, Any]
Subset = tuple[str | None, frozenset[str]]


def build_tools(queue: CallQueue) -> Sequence[Tool]:
    """All thirteen, in the order a climb uses them, each with its hints."""
    move, look = Moves(queue), Lookups(queue)
    looking = partial(strict_tool, read_only=True, idempotent=True)
    tools = [
        strict_tool(move.start_climb, "Start a climb", idempotent=True),
        looking(look.status, "Where the climb stands"),
        looking(look.read_file, "Read a file"),
        strict_tool(look.edit_file, "Edit the harness", destructive=True),
        strict_tool(move.commit_candidate, "Commit a candidate"),
        strict_tool(move.run_benchmark, "Run the benchmark", idempotent=True, open_world=True),
        strict_tool(move.cancel_benchmark, "Cancel the benchmark", destructive=True),
        looking(look.read_trajectory, "Read a trial"),
        looking(look.diagnose, "Diagnose failures"),
        looking(look.compare, "Compare harnesses"),
        strict_tool(move.append_result, "Record the result", destructive=True),
        strict_tool(move.revert, "Revert to the incumbent", destructive=True),
        strict_tool(move.finish_climb, "Finish the climb", destructive=True),
    ]
    tools[-1].meta = {"ui": {"resourceUri": VIEW}}
    sessions = Sessions()
    for tool in tools:
        tool.sessions = sessions
    return tools


class Moves:
    """The tools that play, bound to one queue of calls.

    `_unread` remembers subsets that ended while nobody listened: asking again reads the
    answer instead of measuring the same thing anew.
    """

    def __init__(self, queue: CallQueue) -> None:
        self._queue = queue
        self._unread: dict[Subset, str] = {}

    async def start_climb(
        self,
        tag: Annotated[str, Field(description="names the climb and its branch")],
        context: AnyContext,
    ) -> StartReply:
        """Start a climb, or wait for its validation.

        Freezes tasks, program.md, the fixed section, the model and autoagent.toml; each task's
        oracle must pass, a no-op must fail. A later climb draws on the same night's caps. Takes
        minutes; while it says `running`, call it again. Next: run_benchmark().
        """
        self._unread.clear()
        await self._queue.ask(lambda r: r.start_climb(tag))
        ready, status, progress = await self._leave("validating", context)
        if not ready:
            return StartReply.of(status, _so_far(progress, status), brief=True)
        out = len(status.left_out)
        used = f"{status.tasks} of {status.tasks + out}" if out else f"its {status.tasks}"
        told = f"Climb {tag} is frozen and {used} tasks are validated"
        return StartReply.of(
            status,
            f"{told}, {out} left out: the notes say why." if out else f"{told}.",
            next_step(status, run_benchmark="run_benchmark() measures the unmodified baseline"),
        )

    async def commit_candidate(
        self,
        description: Annotated[
            str, Field(description="one sentence for the ledger: what changed and why")
        ],
        dry_run: Annotated[bool, Field(description="only check (default false)")] = False,
        should_fix: Annotated[
            list[str] | None, Field(description="tasks it should fix (default: none)")
        ] = None,
        may_break: Annotated[
            list[str] | None, Field(description="tasks it may break (default: none)")
        ] = None,
    ) -> CommitReply:
        """Check the harness on disk and store it as the candidate.

        It is agent.py above the boundary and .agent/; any other changed file is refused.
        Takes a second. Next: run_benchmark().
        """
        found, status = await self._queue.ask_settled(
            lambda r: (
                r.commit_candidate(
                    description,
                    dry_run=dry_run,
                    should_fix=should_fix or (),
                    may_break=may_break or (),
                ),
                r.status(),
            )
        )
        if found.candidate is None:
            message = "The harness on disk may be committed; nothing was stored."
            step = next_step(status)
        else:
            self._unread.clear()
            message = f"Candidate {found.candidate.short} is committed."
            step = next_step(status, run_benchmark="run_benchmark() measures it on the full suite")
        message += f" Complexity {found.complexity}, incumbent {found.incumbent_complexity}."
        if found.duplicate_of:
            message += f" The same content was measured before as {found.duplicate_of}."
        return CommitReply.of(status, message, step, **dict(found))

    async def run_benchmark(
        self,
        context: AnyContext,
        candidate: Annotated[
            str | None,
            Field(description='commit, "incumbent", "baseline" (default: the committed one)'),
        ] = None,
        tasks: Annotated[
            list[str] | None,
            Field(description="subset, for diagnosis (default: all; only that decides)"),
        ] = None,
    ) -> BenchmarkReply:
        """Measure the candidate (first of all the unmodified baseline), or wait for what runs.

        Takes minutes to hours. While it says `running`, call it again. Next:
        append_result().
        """
        asked: Subset = (candidate, frozenset(tasks or ()))
        evaluation = self._unread.get(asked)
        if evaluation is None:
            evaluation = await self._queue.ask_settled(
                lambda r: r.run_benchmark(candidate, tasks or ())
            )
        if tasks:
            self._unread[asked] = evaluation
        await self._follow(
            lambda position: position.running is None or position.running.id != evaluation, context
        )
        reply = await self._queue.ask(lambda r: _benchmark_reply(r, evaluation))
        if reply.state != "running":
            self._unread.pop(asked, None)
        return reply

    async def cancel_benchmark(self) -> Reply:
        """Stop the running evaluation, but no baseline; its verdict is then a discard.

        What it spent stays spent. Takes seconds. Next: append_result(), or after a subset
        run_benchmark().
        """
        evaluation = await self._queue.ask_settled(lambda r: r.cancel_benchmark())
        for _ in range(CANCEL_TRIES):
            if await self._queue.ask(lambda r: _cancelled(r, evaluation)):
                break
            await anyio.sleep(CANCEL_POLL_SECONDS)
        self._unread.clear()
        reply = await self._queue.ask(lambda r: _benchmark_reply(r, evaluation))
        return Reply(**{name: getattr(reply, name) for name in Reply.model_fields})

    async def append_result(
        self,
        description: Annotated[
            str | None, Field(description="for the ledger (default: the commit's)")
        ] = None,
    ) -> ResultReply:
        """Write the ledger row of the measured candidate.

        A keep makes it the incumbent; a discard restores the incumbent's agent.py and .agent/.
        Instant. Next: diagnose(), edit, commit_candidate(description).
        """
        row, status = await self._queue.ask_settled(
            lambda r: (r.append_result(description), r.status())
        )
        advice = "".join(f" This is a {note}" for note in status.notes if note.startswith(PLATEAU))
        self._unread.clear()
        effect = (
            "it is the incumbent now"
            if row.status == "keep"
            else "agent.py and .agent/ are the incumbent's again; the commit stays reachable"
        )
        edit = "diagnose(), read_trajectory(trial) of a failing trial, edit agent.py, then "
        return ResultReply.of(
            status,
            f"Recorded {row.commit}: {row.status}, "
            f"{f'{row.passed} passed' if row.passed else 'stopped early'}; {effect}.{advice}",
            next_step(status, commit_candidate=f"{edit}commit_candidate(description)"),
            row=row,
        )

    async def revert(self) -> Reply:
        """Throw away working changes and an unmeasured candidate.

        agent.py and .agent/ become the incumbent's; what stood there is kept in the store. Instant.
        Next: edit, commit_candidate(description).
        """
        status = await self._queue.ask_settled(lambda r: (r.revert(), r.status())[1])
        self._unread.clear()
        edit = "edit agent.py above the boundary, then commit_candidate(description)"
        return Reply.of(
            status,
            "agent.py and .agent/ are the incumbent's again.",
            next_step(status, commit_candidate=edit),
        )

    async def finish_climb(self, context: AnyContext) -> Reply:
        """End the climb and certify it: baseline and champion measured afresh, once.

        Call it when the budget is used up or the human asks; while it says `running`, call it
        again. Takes minutes. Next: tell the human (prompt morning_report).
        """
        await self._queue.ask_settled(lambda r: r.finish_climb())
        self._unread.clear()
        over, status, progress = await self._leave("certifying", context)
        if not over:
            return Reply.of(status, _so_far(progress, status), brief=True)
        said = (f"Climb {status.tag} is over.", worth(status), taking_over(status))
        told = " ".join(filter(None, [*said, f"Refereed at {status.tier}."]))
        return Reply.of(status, told)

    async def _leave(
        self, phase: Phase, context: AnyContext
    ) -> "tuple[bool, Status, Progress | None]":
        """Wait for the end of a phase: whether it is over, the status, and how far it is."""
        over = await self._follow(lambda position: position.phase != phase, context)
        return over, *await self._queue.ask(lambda r: (r.status(), r.progress()))

    async def _follow(self, finished: "Callable[[Position], bool]", context: AnyContext) -> bool:
        """Wait as long as the caller may be kept, whichever protocol era it speaks."""
        parameters = context.session.client_params
        meta = context.request_context.meta or {}
        client = Client(
            name=parameters.client_info.name if parameters else "",
            hears_progress=meta.get("progress_token") is not None,
        )
        return await self._queue.follow(finished, client, context.report_progress)


def _benchmark_reply(referee: "Referee", evaluation: str) -> BenchmarkReply:
    """The summary first, then the failing trials by id."""
    report, status = referee.evaluation(evaluation), referee.status()
    failing = [trial for trial in report.trials if trial.outcome != "passed"]
    running = report.state == "running"
    told = _so_far(referee.progress(), status) if running else _summary(report)
    return BenchmarkReply.of(
        status,
        f"{told} {status.stray}" if status.stray else told,
        _after(report, failing, status),
        **dict(report),
        brief=running,
        failing=tuple(_told(trial) for trial in failing[:FAILING_SHOWN]),
        failing_total=len(failing),
    )


def _summary(report: EvaluationReport) -> str:
    what = f"{report.evaluation}, {report.kind} evaluation of {report.candidate[:7]}"
    assert report.score is not None
    passed = f"{what} is {report.state}: {report.score.passed}/{report.score.expected} passed"
    if report.score.stand_in:
        passed += f" ({STAND_IN} for a model)"
    if report.verdict is not None:
        return f"{passed}. Verdict {report.verdict.status}: {report.verdict.sentence.rstrip('.')}."
    why = "a subset decides nothing" if report.kind == "subset" else "it has to be run again"
    return f"{passed}; {why}."


def _so_far(progress: Progress | None, status: Status) -> str:
    """What goes on by itself, in as few words as a poll is worth: an hour may have ninety."""
    clock = status.clock.removesuffix(" played")
    if progress is None:
        return f"running; {clock}"
    return f"running {progress.evaluation}, {progress.done}/{progress.expected}; {clock}"


def _after(report: EvaluationReport, failing: list[Trial], status: Status) -> str:
    if report.state == "running":
        return "the same call again" if report.kind == "subset" else "run_benchmark()"
    look = f'read_trajectory("{failing[0].id}")' if failing else status.next_calls[0]
    return next_step(
        status,
        append_result="append_result() writes the row and applies the verdict",
        commit_candidate=look,
        run_benchmark=look if status.phase == "committed" else status.next_calls[0],
    )


def _told(trial: Trial) -> str:
    """A failing trial in one line; what the harness said is in quotes."""
    reward = "" if trial.reward is None else f", reward {trial.reward:g}"
    said = f": {quoted(trial.detail, 80)}" if trial.detail else ""
    return f"{trial.id} {trial.outcome}{reward}, {trial.seconds:.1f} s{said}"


def _cancelled(referee: "Referee", evaluation: str) -> bool:
    """Whether the evaluation has ended; a worker that does not hear is asked again."""
    running = referee.position.running
    if running is None or running.id != evaluation:
        return True
    referee.cancel_benchmark()
    return referee.position.running is None
