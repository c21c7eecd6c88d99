"""A night on a cluster: trials, hours and dollars of many tasks and candidates, arithmetic shown.

    .venv/bin/python bench/scale_out.py [--tasks 1000] [--candidates 50] [...]

One figure is measured here: the processor time that the machine with the workers spends on a
trial, sandbox included, which is more than it spends where the task runs elsewhere. All others
are assumptions, printed as such, and arguments of the script: put your own in.
"""

import argparse
import math
import resource
import tempfile
from pathlib import Path

from overheads import evaluation_seconds, write_tasks

MEASURED_TRIALS = 32


def own_processor_seconds() -> float:
    """Processor time of a worker and all its children, by trial."""
    with tempfile.TemporaryDirectory(prefix="autoagent-bench-") as temporary:
        place = Path(temporary)
        tasks = write_tasks(place / "tasks", MEASURED_TRIALS)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        evaluation_seconds(place, tasks, 4)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return used / MEASURED_TRIALS


def main() -> None:
    """Print the sums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--passes", type=int, default=3, help="of certification, each side")
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=120.0, help="a trial, start to end")
    parser.add_argument("--processors", type=float, default=2.0, help="of a trial's environment")
    parser.add_argument("--processor-hour", type=float, default=0.05, help="dollars")
    parser.add_argument("--model", type=float, default=0.02, help="dollars of model calls a trial")
    o = parser.parse_args()
    own = own_processor_seconds()
    suites = 2 + o.candidates + 2 * o.passes
    trials = suites * o.tasks
    rounds = math.ceil(o.tasks / o.concurrency)
    hours = suites * rounds * o.seconds / 3600
    environments = trials * o.seconds / 3600 * o.processors * o.processor_hour
    print(f"assumed    a trial takes {o.seconds:g} s, {o.processors:g} processors at ", end="")
    print(f"${o.processor_hour:g} an hour, and ${o.model:g} of model calls")
    print(f"suites     2 (baseline) + {o.candidates} + 2 x {o.passes} (certification) = {suites}")
    print(f"trials     {suites} x {o.tasks} = {trials}")
    print(
        f"time       {o.tasks} / {o.concurrency} = {rounds} rounds x {o.seconds:g} s x {suites}",
        end="",
    )
    print(f" = {hours:.1f} h")
    print(
        f"containers {trials} x {o.seconds:g} s x {o.processors:g} x ${o.processor_hour:g}/h",
        end="",
    )
    print(f" = ${environments:.0f}")
    print(f"model      {trials} x ${o.model:g} = ${trials * o.model:.0f}")
    print(f"measured   {own:.2f} s of processor time a trial on the workers' machine")
    busy = own * o.concurrency / o.seconds
    print(f"           x {o.concurrency} at once / {o.seconds:g} s = {busy:.1f} processors there")


if __name__ == "__main__":
    main()
