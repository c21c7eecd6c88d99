"""`autoagent clean --keep-last …`: what nothing rests on goes, and the journal says so."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, override

import pytest

from autoagent.errors import UnknownName
from autoagent.evidence import events
from autoagent.evidence.journal import Journal
from autoagent.records import Trial
from autoagent.referee.referee import Referee
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.scripted import ScriptedEngine

from ..referee.playing import ALL, ONE, THREE, TWO, propose, settle, with_baseline


class Writes(ScriptedEngine):
    """A double that leaves a file for each trial, where Harbor leaves its own."""

    @override
    def _directory(self, spec: EvaluationSpec, trial: Trial) -> str:
        place = spec.jobs / spec.id / trial.id
        (place / "agent").mkdir(parents=True)
        (place / "agent/log.txt").write_text("what it did\n" * 100)
        return str(place)


@pytest.fixture
def played(workspace: Path) -> Iterator[Referee]:
    """Baseline, discard, keep, discard, discard, a subset; still open."""
    referee = Referee.open(workspace, Writes(TWO, ONE, THREE, ONE, {"t4": [1.0]}, TWO, ALL))
    with_baseline(referee)
    for number in range(4):
        propose(referee, workspace, f"X = {number}", f"idea {number}")
    referee.run_benchmark(tasks=["t1"])
    settle(referee)
    yield referee
    referee.close()


def evidence(workspace: Path) -> list[str]:
    """Evaluations whose files are there, without those of the validation."""
    return sorted(p.name for p in (workspace / ".autoagent/jobs").iterdir())


def ids(workspace: Path, *fates: str) -> list[str]:
    (path,) = (workspace.parent / "state").glob("*/journal.sqlite3")
    with closing(Journal(path, read_only=True)) as journal:
        ended = [entry.event for entry in journal.of_kind(events.EvaluationFinished)]
    told = {e.evaluation: e.verdict.status if e.verdict else e.evaluation_kind for e in ended}
    return sorted(name for name, fate in told.items() if fate in fates)


def test_all_that_was_not_kept_goes_and_the_night_still_verifies(
    autoagent: Any, workspace: Path, played: Referee
) -> None:
    """A server is open meanwhile; what a keep or the baseline rests on stays."""
    gone, stays = ids(workspace, "discard", "subset"), ids(workspace, "keep")
    assert (len(gone), len(stays)) == (4, 2)

    code, printed = autoagent("clean", "--keep-last", "0", "--workspace", workspace)

    assert code == 0
    assert "4 evaluations' evidence removed" in printed
    assert [name for name in evidence(workspace) if name in gone] == []
    assert [name for name in stays if name not in evidence(workspace)] == []
    code, found = autoagent.json("verify", "--workspace", workspace)
    assert (code, found["problems"]) == (0, [])
    assert any("evidence of 4 evaluations" in flag for flag in found["flags"])
    code, printed = autoagent("clean", "--keep-last", "0", "--workspace", workspace)
    assert "Nothing fits" in printed


def test_the_newest_and_other_fates_stay(autoagent: Any, workspace: Path, played: Referee) -> None:
    discards = sorted(ids(workspace, "discard"), key=lambda name: int(name[1:]))
    options = ("--keep-last", "2", "--verdict", "discard", "--workspace", workspace)
    autoagent("clean", *options)
    assert [name for name in discards if name in evidence(workspace)] == discards[-1:]
    assert set(ids(workspace, "subset")) <= {*evidence(workspace)}


@pytest.mark.parametrize("option", [("--older-than", "1"), ("--larger-than", "1")])
def test_what_is_young_or_small_stays(
    autoagent: Any, workspace: Path, played: Referee, option: tuple[str, str]
) -> None:
    before = evidence(workspace)
    code, printed = autoagent("clean", *option, "--workspace", workspace)
    assert (code, evidence(workspace)) == (0, before)
    assert "Nothing fits" in printed


def test_a_trial_whose_files_are_gone_says_so_and_a_comparison_goes_on(
    autoagent: Any, workspace: Path, played: Referee
) -> None:
    last = max(ids(workspace, "discard"), key=lambda name: int(name[1:]))
    autoagent("clean", "--keep-last", "0", "--workspace", workspace)
    with pytest.raises(UnknownName, match="removed by `autoagent clean`"):
        played.trial(f"{last}.t1.1")
    told = played.compare(last)
    assert told.fixed == ("t4",), told
    assert "no trajectory on one side" in told.parts[0]


def test_a_link_in_the_workspace_leads_the_removal_nowhere(
    autoagent: Any, workspace: Path, played: Referee, tmp_path: Path
) -> None:
    """Threat: the meta-agent may put a link where Harbor's directories are."""
    name = ids(workspace, "discard")[0]
    own = tmp_path / "own"
    (own / name).mkdir(parents=True)
    (own / name / "file").write_text("mine\n")
    jobs = workspace / ".autoagent/jobs"
    jobs.rename(tmp_path / "moved")
    jobs.symlink_to(own)
    autoagent("clean", "--keep-last", "0", "--workspace", workspace)
    assert (own / name / "file").read_text() == "mine\n"


def test_evidence_of_a_keep_that_is_said_to_be_removed_is_a_problem(
    autoagent: Any, workspace: Path, played: Referee
) -> None:
    """No version of ours writes that."""
    (path,) = (workspace.parent / "state").glob("*/journal.sqlite3")
    with closing(Journal(path)) as journal:
        for name in ids(workspace, "keep"):
            journal.append(events.EvidenceRemoved(bytes=1), name)
    code, found = autoagent.json("verify", "--workspace", workspace)
    assert code == 1
    assert sum("rests on it" in problem for problem in found["problems"]) == 2
