"""Any call in any order, with any edit or kill between: the rules hold and the journal verifies."""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as play

from autoagent.commands.after.verify import audit
from autoagent.commands.during.renew import renew
from autoagent.errors import AutoAgentError, BudgetExceeded, OutOfOrder
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.referee.evaluations import started
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

Files = dict[str, bytes]
CALL = re.compile(r"([a-z_]+)(?:\(([^)]*)\)| again)")
SOME = ["", "A = 1", "B = 2", f"C = '{'word ' * 40}'", "def broken("]
LINES = st.sampled_from(SOME) | st.integers(1, 99).map(lambda n: f"D = {n}")
NAMES = st.sampled_from([None, None, "incumbent", "baseline", "nobody"])


class AnyOrder(RuleBasedStateMachine):
    """A meta-agent that knows no rule, over an engine that dies and hangs."""

    template: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="any-order-"))
        self.root = self.home / "workspace"
        shutil.copytree(self.template, self.root)
        self.committed: dict[str, Files] = {}
        self.climbs = 0

    def teardown(self) -> None:
        self.referee.close()
        shutil.rmtree(self.home)

    @initialize(
        rewards=st.lists(st.sampled_from([None, 0.0, 1.0]), min_size=6, max_size=6),
        dead=st.sampled_from([False, False, True]),
        early=st.sampled_from([False, False, True]),
    )
    def open(self, rewards: list[float | None], dead: bool, early: bool) -> None:
        """Most climbs begin with a baseline; `dead`: the provider answers nothing after it."""
        scripts = [{"t1": [None if dead else 1.0], "t2": [reward]} for reward in rewards]
        self.engine = ScriptedEngine({"t1": [1.0]}, *scripts, hold=True)
        self.referee = Referee.open(self.root, self.engine)
        if early:
            return
        self.start("first")
        for step in (*[self.wait] * 4, self.run, self.wait, self.append_result):
            step()
        assert self.referee.position.phase == "idle"

    def call(self, function: Callable[[], object]) -> None:
        """What is refused is refused with one of our own errors, and what that names is done."""
        try:
            function()
        except AutoAgentError as error:
            self.referee.refused(error)
            assert error.next_call is not None
            self.do(error.next_call)

    def do(self, told: str) -> None:
        """The call that a status or a refusal names is in order, and no cap forbids it (R11)."""
        if "remove the STOP file" in told:
            (self.root / "STOP").unlink()
        (tool, given), *_ = reversed(CALL.findall(told))
        tag = re.search('"(.*)"', given)
        self.climbs += tool == "start_climb"
        calls: dict[str, Callable[[], object]] = {
            "start_climb": lambda: self.referee.start_climb(tag[1] if tag else f"n{self.climbs}"),
            "commit_candidate": lambda: self.referee.commit_candidate(
                "as told", dry_run="dry_run" in given
            ),
            "run_benchmark": lambda: self.referee.run_benchmark(
                "incumbent" if "incumbent" in given else None, ("t1",) if "tasks" in given else ()
            ),
            "read_trajectory": lambda: self.referee.trial("e1.t1.1"),
            "read_file": lambda: self.referee.read_file("program.md"),
            "edit_file": lambda: self.referee.edit_file("agent.py", "no such text", ""),
        }
        files, before = self.present(), self.referee.position
        try:
            calls.get(tool, getattr(self.referee, tool, lambda: None))()
        except (OutOfOrder, BudgetExceeded) as error:
            raise AssertionError(f"{told!r} was named, and refused: {error}") from error
        except AutoAgentError:
            pass
        self.remember(files, before)

    def remember(self, files: Files, before: Position) -> None:
        """What a candidate or a baseline was committed with."""
        position = self.referee.position
        if position.candidate is not None and position.candidate != before.candidate:
            self.committed[position.candidate.id] = files
        if position.baseline is not None:
            self.committed.setdefault(position.baseline.id, files)

    @rule(which=st.sampled_from([0, 0, 1, 2]), times=st.integers(1, 4))
    def as_told(self, which: int, times: int) -> None:
        for _ in range(times):
            calls = self.referee.status().next_calls
            self.do(calls[which % len(calls)])

    @rule(there=st.sampled_from([False, False, True]))
    def stop(self, there: bool) -> None:
        place = self.root / "STOP"
        place.touch() if there else place.unlink(missing_ok=True)

    def present(self) -> Files:
        places = [self.root / "agent.py", *(self.root / ".agent").rglob("*")]
        return {str(p.relative_to(self.root)): p.read_bytes() for p in places if p.is_file()}

    @rule(tag=st.sampled_from(["first", "second", "third"]))
    def start(self, tag: str) -> None:
        files, before = self.present(), self.referee.position
        self.call(lambda: self.referee.start_climb(tag))
        self.remember(files, before)

    @rule(path=st.sampled_from(["skills", "skills/a"]))
    def note(self, path: str) -> None:
        self.call(lambda: self.referee.edit_file(f".agent/{path}", "", path))

    @rule()
    def forget_notes(self) -> None:
        shutil.rmtree(self.root / ".agent", ignore_errors=True)

    @rule(line=LINES, dry_run=st.sampled_from([False, False, True]))
    def commit(self, line: str, dry_run: bool) -> None:
        text = (self.template / "agent.py").read_text()
        (self.root / "agent.py").write_text(text.replace("MAX_TURNS = 3", f"MAX_TURNS = 3\n{line}"))
        files, before = self.present(), self.referee.position
        self.call(lambda: self.referee.commit_candidate("an idea", dry_run=dry_run))
        self.remember(files, before)

    @rule(name=NAMES, tasks=st.sampled_from([(), (), (), ("t1",), ("t9",)]))
    def run(self, name: str | None = None, tasks: tuple[str, ...] = ()) -> None:
        self.call(lambda: self.referee.run_benchmark(name, tasks))

    @rule(killed=st.sampled_from([False, False, False, True]))
    def wait(self, killed: bool = False) -> None:
        running = self.referee.position.running
        if running is not None and self.engine.alive(running.id):
            (self.engine.kill if killed else self.engine.release)(running.id)
        self.call(self.referee.advance)

    @rule()
    def append_result(self) -> None:
        pending, files = self.referee.position.pending, self.present()
        self.call(self.referee.append_result)
        after = self.referee.position
        if pending is not None and after.incumbent:
            kept = files if pending.keep else self.committed[after.incumbent.candidate.id]
            assert self.present() == kept

    @rule()
    def revert(self) -> None:
        before = self.referee.position
        self.call(self.referee.revert)
        if before.phase in ("idle", "committed") and before.incumbent:
            assert self.present() == self.committed[before.incumbent.candidate.id]

    @rule(name=st.sampled_from(["cancel_benchmark", "finish_climb", "progress", "compare"]))
    def other(self, name: str) -> None:
        self.call(getattr(self.referee, name))

    @rule(name=st.sampled_from(["e1.t1.1", "e99.t1.1", "tasks/t1/instruction.md", "nothing"]))
    def look(self, name: str) -> None:
        self.call(lambda: self.referee.trial(name))
        self.call(lambda: self.referee.read_file(name))
        self.call(lambda: self.referee.compare(name))
        self.call(lambda: self.referee.edit_file(name, "no", "yes"))

    @rule()
    def renewed(self) -> None:
        if self.referee.position.phase != "new":
            renew(self.root)

    @rule()
    def another_server(self) -> None:
        self.referee.close()
        self.referee = Referee.open(self.root, self.engine)

    @invariant()
    def the_journal_verifies(self) -> None:
        """Rows, position and verdicts follow; each standing was measured on its own content."""
        status, position = self.referee.status(), self.referee.position
        if position.phase == "new":
            return
        journal = Journal(Path(status.state_directory, "journal.sqlite3"), read_only=True)
        text = (self.root / "results.tsv").read_text()
        found = audit(journal, text)
        assert found.problems == () and found.position == position
        assert len(text.splitlines()) == position.rows + 1
        assert (position.running is None) <= (position.phase != "evaluating")
        assert (position.pending is not None) == (position.phase == "evaluated")
        for standing in filter(None, (position.incumbent, position.evaluated)):
            measured = started(journal, standing.evaluation)
            assert measured.digest == standing.candidate.digest
        journal.close()


@pytest.mark.rule("R3", "R11")
def test_any_order_of_calls_keeps_the_rules(make_workspace: Callable[..., Path]) -> None:
    AnyOrder.template = make_workspace(
        {"t1": ("q1", "a1"), "t2": ("q2", "a2")}, config="[budget]\nevaluations = 3\n"
    )
    few = settings(max_examples=20, stateful_step_count=30, deadline=None)
    slow = [HealthCheck.too_slow]
    phases = [Phase.generate]  # a failure prints its 30 calls; shrinking them takes minutes
    play(AnyOrder, settings=settings(few, phases=phases, suppress_health_check=slow))
