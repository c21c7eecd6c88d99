"""A climb on the root workspace, with the STAND-IN in the place of gpt-5 and of the judge.

    .venv/bin/python bench/standin_climb.py [--keep DIRECTORY] [--replay]

Everything but the models is real: the MCP server, the workers, the sandboxes, the OpenAI Agents
SDK, rewardkit, the gateway. The meta-agent is the script examples/glowup-climb/edits.toml. The
figures show that edits of agent.py move the score through all of that; they say nothing about a
model, and the dollars are what the pinned models would have cost for as many tokens.

`--replay` plays the climb a second time from the first one's recordings (`gateway.replay`), with
the stand-in stopped and no other provider, and compares the two: every column of results.tsv,
with the harness's content in the place of the commit (an id of git's holds a time), and the
certificate. Both climbs then run one trial at a time. A candidate that cannot be kept any more is
stopped early, and with several trials at once it depends on their timing which of them had ended by
then: the verdicts are the same, what the row says of the others is not.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from autoagent.commands.during.demo import demonstrate
from autoagent.commands.during.demo_script import Demonstration, Played
from autoagent.evidence.events import CandidateCommitted, ClimbStarted, ResultRecorded
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.gateway.standin.rules import load_rules
from autoagent.gateway.standin.server import running
from autoagent.records import STAND_IN

ROOT = Path(__file__).resolve().parent.parent
FILES = ("agent.py", "program.md", "autoagent.toml", "standin.toml", "Dockerfile.base")
LONGEST_SECONDS = 3600.0
"""Of one climb. Its certification alone has 3 passes x 2 sides x (20 + 4) tasks."""


def play(place: Path, config: str, *, one_by_one: bool) -> Demonstration:
    """One climb in the root's workspace, and nothing else of the checkout."""
    source = place / "source"
    source.mkdir(parents=True)
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    for name in ("base", "tasks"):
        shutil.copytree(ROOT / name, source / name)
    shutil.copy(ROOT / "examples/glowup-climb/edits.toml", source / "edits.toml")
    rules = (source / "autoagent.toml").read_text()
    gateway = "\n[gateway]\n"
    assert rules.count(gateway) == 1 and rules.count("concurrency = 4") == 1
    if one_by_one:
        rules = rules.replace("concurrency = 4", "concurrency = 1")
    head, tail = rules.split(gateway)
    (source / "autoagent.toml").write_text(f"{head}{gateway}{config}{tail}")
    told: list[Played] = []

    def show(steps: Sequence[Played], _doing: str) -> None:
        for step in steps[len(told) :]:
            told.append(step)
            tell(step)

    return demonstrate(place / "climb", show, example=source, longest_seconds=LONGEST_SECONDS)


def tell(step: Played) -> None:
    """One line for the baseline and for each edit."""
    score = "" if step.passed is None else f"{step.passed}/{step.expected}"
    print(f"{STAND_IN} {step.name:<12}{score:>7}  {step.verdict:<8}{step.why}", flush=True)


def conclude(found: Demonstration) -> None:
    """The ledger and what it is worth."""
    print(found.workspace.joinpath("results.tsv").read_text(), end="")
    print(f"{STAND_IN}: {found.baseline_passed} -> {found.final_passed} of {found.expected}")
    print(found.certified)
    print(f"{found.seconds:.0f} s, {found.events} events")
    for problem in found.problems:
        print(f"FAILED {problem}")


def facts(found: Demonstration) -> dict[str, Any]:
    """What a replay has to reproduce: the certificate, and the rows, dollars unrounded."""
    (path,) = found.state.glob("*/journal.sqlite3")
    digests: dict[str, str] = {}
    with closing(Journal(path, read_only=True)) as journal:
        for entry in journal.of_kind(ClimbStarted, CandidateCommitted):
            match entry.event:
                case ClimbStarted(baseline=candidate) | CandidateCommitted(candidate=candidate):
                    digests[candidate.id] = digests[candidate.short] = candidate.digest
        rows = [entry.event.row.model_dump() for entry in journal.of_kind(ResultRecorded)]
        certificate = Position.model_validate_json(journal.position() or "").certificate
    assert certificate is not None
    told: dict[str, Any] = {"certificate": certificate.model_dump()}
    for side in ("baseline", "champion"):
        told["certificate"][side] = digests[told["certificate"][side]]
    for number, row in enumerate(rows, 1):
        told[f"row {number}"] = row | {"commit": digests[row["commit"]]}
    return told


def differences(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """Where two climbs are not the same, value by value."""
    found: list[str] = []
    for part in sorted(first.keys() | second.keys()):
        one, other = first.get(part, {}), second.get(part, {})
        found += [
            f"{part}, {name}: {one.get(name)!r}, replayed {other.get(name)!r}"
            for name in sorted(one.keys() | other.keys())
            if one.get(name) != other.get(name)
        ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="where to play; must be empty")
    parser.add_argument("--replay", action="store_true", help="play it again from the recordings")
    arguments = parser.parse_args()
    place: Path = (arguments.keep or Path(tempfile.mkdtemp(prefix="glowup-"))).resolve()
    print(f"{STAND_IN} for gpt-5 and gpt-5-mini: no figure below says anything about a model")
    with running(load_rules(ROOT / "standin.toml")) as url:
        upstream = f'openai = {{ base_url = "{url}/v1" }}\n'
        first = play(place / "first", upstream, one_by_one=arguments.replay)
    conclude(first)
    if first.problems or not arguments.replay:
        return 1 if first.problems else 0
    (evaluations,) = first.state.glob("*/evaluations")
    recorded = [str(first.workspace / ".autoagent/jobs"), str(evaluations)]
    print("once more from the recordings, without any provider")
    second = play(place / "second", f"replay = {recorded!r}\n", one_by_one=True)
    conclude(second)
    found = differences(facts(first), facts(second))
    print(f"replay: {len(found)} differences in {len(facts(first)) - 1} rows and the certificate")
    for difference in found:
        print(f"FAILED {difference}")
    return 1 if second.problems or found else 0


if __name__ == "__main__":
    sys.exit(main())
