"""Torture of a worker: killed with all that it runs before each call that writes, and restarted.

    .venv/bin/python bench/worker_torture.py [--every N] [--minutes N] [--json]

A real evaluation: two tasks at a time in sandboxes, each of which calls its model once through the
gateway, out of a purse, and a provider on this machine that counts what it bills. Its moments are
taken as `torture.py` takes them, and from each a worker is started again, as the server does.

- *stuck*: it does not end as complete;
- *lost*: a trial that the journal had as finished is not so any more;
- *different*: another outcome than in the undisturbed evaluation;
- *charged*: less than what the provider billed, or more than that and what was reserved for calls
  that the kill interrupted; or the purse's lines and the journal's charges differ;
- *left over*: scratch, temporary files, or a process.

Exits 1 where any of the five is not 0.
"""

import argparse
import fcntl
import itertools
import json
import math
import mmap
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import tracing
from overheads import HARNESS, write_tasks
from states import Moment, Moments, in_effect
from torture import place_beneath

from autoagent.config import Config
from autoagent.evidence.events import TrialFinished, TrialLost, WorkerEnded
from autoagent.evidence.journal import Journal
from autoagent.gateway.money.purse import SPENT_FILE
from autoagent.gateway.plan import GatewayPlan, Upstream
from autoagent.records import Running
from autoagent.worker import scratch, worker
from autoagent.worker.detached import LOCK_FD_VARIABLE
from autoagent.worker.engine import EvaluationSpec

FAULTS = ("stuck", "lost", "different", "charged", "left over")
TASKS, MODEL, MOST_SECONDS = 2, "gpt-5", 300.0
USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
BILLED = (10 * 1.25 + 5 * 10) / 1e6
"""Dollars for one call of that usage."""
CALLS_ITS_MODEL = """
import json
import os
import urllib.request


async def run_task(environment, instruction):
    body = json.dumps({"model": "gpt-5", "input": "hi", "max_output_tokens": 100}).encode()
    headers = {"content-type": "application/json"}
    headers["authorization"] = "Bearer " + os.environ["OPENAI_API_KEY"]
    url = os.environ["OPENAI_BASE_URL"] + "/responses"
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60).read()
"""


class Provider:
    """Answers every call alike, and counts over all processes."""

    def __init__(self) -> None:
        self._count = mmap.mmap(-1, 8)
        provider, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    provider.billed += 1
                said: list[dict[str, Any]] = [
                    {"type": "output_text", "text": "hello", "annotations": []}
                ]
                message: dict[str, Any] = {"type": "message", "role": "assistant", "content": said}
                facts = {"id": "r", "object": "response", "model": MODEL, "status": "completed"}
                told: dict[str, Any] = {**facts, "output": [message], "usage": USAGE}
                data = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def billed(self) -> int:
        return int.from_bytes(self._count[:8])

    @billed.setter
    def billed(self, calls: int) -> None:
        self._count[:8] = calls.to_bytes(8)


@dataclass
class Point:
    """A call before which everything may be killed, what lies there, and what was billed.

    One thread stands still while files are looked at: the others may call their model, and
    `meanwhile` is how many calls were billed of which the files may tell.
    """

    call: str
    program: str
    moment: Moment
    billed: int
    meanwhile: int


class Ground:
    """One evaluation in a place of its own, and the provider that its harness calls."""

    def __init__(self, place: Path) -> None:
        self.top, self._records = place / "climb", place / "records"
        for name in ("tmp", "var", "evaluations/e1/harness/.agent"):
            (self.top / name).mkdir(parents=True)
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.top / "tmp")
        os.environ["OPENAI_API_KEY"] = "sk-none"
        os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HARBOR_TELEMETRY": "0"}
        import_module("litellm")  # Harbor does, and not anew in each worker

        scratch.ELSEWHERE = self.top / "var"
        self.provider = Provider()
        self.directory = self.top / "evaluations/e1"
        calls, _, rest = HARNESS.partition("async def run_task(environment, instruction):\n")
        source = calls + CALLS_ITS_MODEL.lstrip() + rest
        (self.directory / "harness/agent.py").write_text(source)
        tasks = write_tasks(self.top / "tasks", TASKS)
        journal = self.top / "journal.sqlite3"
        Journal(journal).close()
        upstream = Upstream(base_url=self.provider.url, api_key_env="OPENAI_API_KEY", auth="bearer")
        benchmark = {"concurrency": TASKS, "attempts": 1}
        EvaluationSpec(
            running=Running(
                id="e1",
                kind="subset",
                candidate="0" * 40,
                digest="0" * 64,
                tasks=tuple(task.name for task in tasks),
                attempts=1,
                deadline=time.time() + 24 * 3600,
            ),
            journal=journal,
            directory=self.directory,
            jobs=self.top / "jobs",
            tasks=tuple(tasks),
            harnesses={"": self.directory / "harness"},
            model=MODEL,
            gateway=GatewayPlan(
                models=(MODEL,), upstreams={"openai": upstream}, dollars_per_trial=0.1, dollars=1.0
            ),
            config=Config.model_validate({"benchmark": benchmark}),
        ).store()
        self.moments = Moments(self.top)

    def work(self) -> None:
        """The worker, as its engine starts it."""
        os.setsid()
        lock = os.open(self.directory / "worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.environ[LOCK_FD_VARIABLE] = str(lock)
        log = os.open(self.directory / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os._exit(worker.main(self.directory))

    def record(self, every: int) -> list[Point]:
        """The undisturbed evaluation, and the points of each N-th call."""
        calls = itertools.count()
        with self._records.open("wb") as file:

            def at_stop(stop: tracing.Stop) -> bool:
                if next(calls) % every:
                    return False
                billed = self.provider.billed
                moment = self.moments.take()
                meanwhile = self.provider.billed - billed
                point = Point(stop.call, _kind(stop.program), moment, billed, meanwhile)
                pickle.dump(point, file)
                return False

            tracing.traced(self.work, at_stop)
        points = list[Point]()
        with self._records.open("rb") as file:
            size = self._records.stat().st_size
            while file.tell() < size:
                points.append(pickle.load(file))
        return points

    def stand_at(self, point: Point) -> None:
        """Let everything be as it was there: the files, and what was billed."""
        self.moments.restore(point.moment)
        self.provider.billed = point.billed

    def recover(self, point: Point) -> bool:
        """Start a worker where everything was killed; whether it came to its end."""
        self.stand_at(point)
        with warnings.catch_warnings(action="ignore"):  # of the provider's thread
            pid = os.fork()
        if pid == 0:
            try:
                self.work()
            finally:
                os._exit(1)
        until = time.monotonic() + MOST_SECONDS
        while time.monotonic() < until:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return status == 0
            time.sleep(0.02)
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return False

    def finished(self) -> dict[str, str]:
        """What came of each trial that was finished, by its slot."""
        with closing(Journal(self.top / "journal.sqlite3", read_only=True)) as journal:
            trials = [entry.event.trial for entry in journal.about("e1", TrialFinished)]
        return {t.task: f"{t.outcome} {t.reward}" for t in trials}

    def complete(self) -> bool:
        with closing(Journal(self.top / "journal.sqlite3", read_only=True)) as journal:
            return [e.event.end for e in journal.about("e1", WorkerEnded)] == ["complete"]

    def charged(self, meanwhile: int = 0) -> str:
        """What is wrong with the charges, if so many calls more may be billed; or nothing."""
        with closing(Journal(self.top / "journal.sqlite3", read_only=True)) as journal:
            lost = [entry.event.cost_usd for entry in journal.about("e1", TrialLost)]
            ended = [entry.event.trial.cost_usd for entry in journal.about("e1", TrialFinished)]
        spent = dict[str, float]()
        for line in (self.directory / SPENT_FILE).read_text().splitlines():
            try:
                call, _, dollars = json.loads(line)
            except ValueError:  # half a line, of the worker that was killed
                continue
            spent[call] = dollars
        if None in lost or None in ended:
            return f"unknown: {lost}, {ended}"
        charges, told = sum(filter(None, lost + ended)), sum(spent.values())
        reserves = sum(dollars for dollars in spent.values() if not _near(dollars, BILLED))
        billed = self.provider.billed * BILLED
        if not _near(charges, told):
            return f"the journal charged {charges}, the purse paid {told}"
        most = billed + meanwhile * BILLED + reserves
        if charges < billed - 1e-9 or charges > most + 1e-9:
            return (
                f"{charges} charged, {billed} to {most} billed, with {reserves} reserved: {spent}"
            )
        return ""

    def left(self) -> list[str]:
        """What lies there that a worker which ended should have removed."""
        found = [*(self.top / "var").iterdir(), *(self.top / "tmp").iterdir()]
        found += [path for path in self.top.rglob("*.tmp")]
        scratched = self.directory / "scratch"
        return [str(path) for path in found] + [str(scratched)] * os.path.lexists(scratched)


def _near(one: float, other: float) -> bool:
    return abs(one - other) < 1e-9


def _kind(program: str) -> str:
    return "worker" if program.startswith("python") else program


def faults(ground: Ground, point: Point, whole: dict[str, str]) -> dict[str, str]:
    """What is wrong with the evaluation that goes on there, by its kind."""
    found: dict[str, str] = {}
    ground.stand_at(point)
    before = ground.finished()
    ended = before if ground.complete() else None
    if ended is None and (not ground.recover(point) or not ground.complete()):
        log = ground.directory / "worker.log"
        return {"stuck": log.read_text()[-600:]}
    after = ground.finished()
    if {slot: after.get(slot) for slot in before} != before:
        found["lost"] = f"{before}, then {after}"
    if after != whole:
        found["different"] = str(after)
    if wrong := ground.charged(point.meanwhile):
        found["charged"] = wrong
    if ended is None and (left := ground.left()):
        found["left over"] = ", ".join(left)
    return found


def main() -> int:
    """Play, and print a line for each kind of call."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only each N-th call")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin nothing later")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if why := tracing.can_trace():
        print(f"worker_torture: skipped, {why}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    points, bad, left = Counter[str](), Counter[tuple[str, str]](), 0
    with tempfile.TemporaryDirectory(prefix="autoagent-worker-", dir=place_beneath()) as place:
        ground = Ground(Path(place).resolve())
        recorded = ground.record(options.every)
        whole = ground.finished()
        wrong = ground.charged()
        if not ground.complete() or wrong or ground.left():
            log = (ground.directory / "worker.log").read_text()
            raise SystemExit(f"undisturbed: {whole} {ground.left()} {wrong} {log}")
        seen: dict[str, dict[str, str]] = {}
        for point in recorded:
            if time.monotonic() > begun + options.minutes * 60:
                left += 1
                continue
            effect = in_effect(ground.moments, point.moment) + f"{point.billed} {point.meanwhile}"
            if effect not in seen:
                seen[effect] = faults(ground, point, whole)
            row = f"{point.program} | {point.call}"
            points[row] += 1
            for kind, what in seen[effect].items():
                bad[row, kind] += 1
                print(f"{row}: {kind}: {what}", file=sys.stderr)
    seconds = round(time.monotonic() - begun)
    totals = {kind: sum(n for (_, k), n in bad.items() if k == kind) for kind in FAULTS}
    report = {"calls": len(recorded), "points": points.total(), "moments": len(seen), **totals}
    if options.json:
        print(json.dumps({**report, "left": left, "seconds": seconds}))
    else:
        print(f"| who | call | points | {' | '.join(FAULTS)} |")
        print("|---|---|" + "---:|" * (1 + len(FAULTS)))
        for row, times in sorted(points.items()):
            print(f"| {row} | {times:,} | {' | '.join(str(bad[row, kind]) for kind in FAULTS)} |")
        print(f"| all | | {points.total():,} | {' | '.join(str(n) for n in totals.values())} |")
        print(
            f"\n{len(recorded):,} calls, {len(seen):,} distinct moments, {left:,} points more for"
        )
        print(f"which there was no time; {seconds:,} s.")
    return int(any(totals.values()))


if __name__ == "__main__":
    sys.exit(main())
