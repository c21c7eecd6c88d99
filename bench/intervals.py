"""How well the certificate's interval covers, against a plain t interval.

    .venv/bin/python bench/intervals.py [--seed S] [--json] [--check]

Tasks are drawn from a world in which one in seven was moved, mostly up, and measured three times on
both sides; in the quiet world they are nearly always passed or nearly always failed. Coverage is
how often the interval holds the mean over all such tasks. `--check` exits 1 below 90 %.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import product
from math import sqrt
from random import Random
from statistics import fmean, stdev
from typing import Any

from autoagent.gate.certificate import interval

T_95 = {6: 2.571, 20: 2.093, 60: 2.001}
"""The t distribution's quantile for so many tasks."""
WORLDS = {"usual": 1.0, "quiet": 0.1}
DRAWS = 2000


def intervals(seed: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for (size, critical), (world, shape) in product(T_95.items(), WORLDS.items()):
        random = Random(f"{seed}/{size}/{world}")
        moved = list(task_pairs(50_000, shape, random))
        truth = fmean(now - was for was, now in moved)
        ours = theirs = 0
        our_half: list[float] = []
        their_half: list[float] = []
        for _ in range(DRAWS):
            drawn = [
                sum((random.random() < now) - (random.random() < was) for _ in range(3)) / 3
                for was, now in random.choices(moved, k=size)
            ]
            low, high = interval(drawn)
            half = critical * stdev(drawn) / sqrt(size)
            ours += low <= truth <= high
            theirs += abs(fmean(drawn) - truth) <= half
            our_half.append(50 * (high - low))
            their_half.append(100 * half)
        rows.append(
            {
                "n": size,
                "world": world,
                "coverage": 100 * ours / DRAWS,
                "half": fmean(our_half),
                "t_coverage": 100 * theirs / DRAWS,
                "t_half": fmean(their_half),
            }
        )
    return rows


def task_pairs(size: int, shape: float, random: Random) -> Iterator[tuple[float, float]]:
    for _ in range(size):
        was = now = random.betavariate(0.4 * shape, 0.5 * shape)
        if random.random() < 1 / 7:
            share = random.random()
            now = was + share * (1 - was) if random.random() < 0.8 else was * (1 - share)
        yield was, now


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the coverage of intervals.")
    parser.add_argument("--seed", default="1", help="any text; equal seeds give equal figures")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 below 90 %% coverage")
    asked = parser.parse_args()
    rows = intervals(asked.seed)
    if asked.json:
        print(json.dumps(rows, indent=2))
    else:
        print("tasks world  the certificate's      t interval  (coverage, half width in points)")
        for row in rows:
            print(
                f"{row['n']:5} {row['world']:6} {row['coverage']:5.1f} % ±{row['half']:4.1f}"
                f"        {row['t_coverage']:5.1f} % ±{row['t_half']:4.1f}"
            )
    return 1 if asked.check and any(row["coverage"] < 90 for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
