"""The same torture for a climb without a referee: an agent that does by hand what a directive says.

    .venv/bin/python bench/naive.py [--every N] [--json]

As the directives of such climbs have it: change the harness, `git commit`, run the benchmark, add
a line to results.tsv, and `git reset --hard HEAD~1` where it was not better. Killed and started
again, the agent reads results.tsv and goes on with the next idea; where git says no (*stuck*), it
removes the locks that git names, as a human would, and tries once more. results.tsv is not
committed, and what a run scores stands in the harness. `torture.py` says what else counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import tracing
from climbing import IDEAS
from states import Moment, Moments, in_effect
from torture import FAULTS, place_beneath

LEDGER, HARNESS = "results.tsv", "agent.py"
_SAYS_NO = (subprocess.CalledProcessError, ValueError, IndexError, OSError)


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
    hour = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "1800000000 +0000")
    environment = {**os.environ, **hour}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout


def climb() -> None:
    """From where results.tsv stands to the last idea; raises where git or the ledger says no."""
    ledger = Path(LEDGER)
    if not ledger.exists():
        ledger.write_text("commit\tpassed\tstatus\tdescription\n")
    rows = [line.split("\t") for line in ledger.read_text().splitlines()[1:]]
    best = max((int(row[1]) for row in rows if row[2] == "keep"), default=0)
    for skill, _, name, _ in [("1", "", "baseline", False), *IDEAS][len(rows) :]:
        Path(HARNESS).write_text(f"SKILL = {skill}\n")
        git("commit", "-q", "--allow-empty", "-a", "-m", name)
        with Path("run.log").open("w") as log:
            log.write(f"passed: {skill}\n")
        passed = int(Path("run.log").read_text().split(": ")[1])
        status = "keep" if passed > best else "discard"
        with ledger.open("a") as file:
            file.write(f"{git('rev-parse', 'HEAD').strip()}\t{passed}\t{status}\t{name}\n")
        if status == "discard":
            git("reset", "-q", "--hard", "HEAD~1")
        best = max(best, passed)


def state() -> tuple[str, ...]:
    """What the morning finds."""
    told = (Path(LEDGER).read_text(), Path(HARNESS).read_text())
    return (*told, git("log", "--format=%s"), git("status", "--porcelain", "-uno"))


def faults(whole: tuple[str, ...], told: str) -> dict[str, str]:
    """What is wrong with a climb that goes on here, by its kind."""
    found: dict[str, str] = {}
    if left := [*Path(".git").rglob("*.lock")]:
        found["left over"] = str(left)
    try:
        climb()
    except _SAYS_NO as error:
        found["stuck"] = getattr(error, "stderr", "") or str(error)
        for lock in Path(".git").rglob("*.lock"):  # as git's message tells a human to
            lock.unlink()
        with suppress(*_SAYS_NO):
            climb()
    if not Path(LEDGER).exists() or not Path(LEDGER).read_text().startswith(told):
        found["lost"] = told
    if state() != whole:
        found["different"] = str(state())
    return found


def main() -> int:
    """Play, and print how many points of how many went wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only each N-th call")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if why := tracing.can_trace():
        print(f"naive: skipped, {why}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autoagent-naive-", dir=place_beneath()) as place:
        top = Path(place) / "climb"
        top.mkdir()
        os.chdir(top)
        git("init", "-q", "--template=")
        Path(HARNESS).write_text("SKILL = 0\n")
        git("add", HARNESS)
        git("commit", "-q", "-m", "start")
        moments = Moments(top)
        points: list[tuple[Moment, str]] = []

        def at_stop(_: tracing.Stop) -> bool:
            told = Path(LEDGER).read_text() if Path(LEDGER).exists() else ""
            points.append((moments.take(), told[: told.rfind("\n") + 1]))
            return False

        tracing.traced(climb, at_stop)
        whole = state()
        found: dict[str, dict[str, str]] = {}
        totals: dict[str, int] = dict.fromkeys(FAULTS, 0)
        wrong = 0
        chosen = points[:: options.every]
        for moment, told in chosen:
            effect = in_effect(moments, moment) + told
            if effect not in found:
                moments.restore(moment)
                found[effect] = faults(whole, told)
            wrong += bool(found[effect])
            for kind in found[effect]:
                totals[kind] += 1
        os.chdir("/")
    seconds = round(time.monotonic() - begun)
    report = {"points": len(chosen), "moments": len(found), "wrong": wrong, **totals}
    told = ", ".join(f"{kind} {number}" for kind, number in totals.items())
    line = f"naive flow: {wrong} of {len(chosen)} points went wrong ({told}); {seconds} s"
    print(json.dumps({**report, "seconds": seconds}) if options.json else line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
