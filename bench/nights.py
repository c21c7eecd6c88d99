"""What a gate is worth: simulated nights against the gate itself.

    .venv/bin/python bench/nights.py [--nights N] [--seed S] [--json] [--check]

Every gate meets the same nights, in each world of bench/worlds.py. There are three kinds: 50
candidates, whatever they cost ("true gain" and all that follows); 50 candidates that must make do
with the trials of 50 unpruned passes ("same trials"); and those trials with as many candidates as
they pay for ("only trials"). `--check` fails where a promise does: see `broken`.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from math import sqrt
from multiprocessing import Pool
from statistics import fmean, stdev
from typing import Any

from simulated import CANDIDATES, SETTINGS, Night, night, points
from worlds import WORLDS

from autoagent.gate.noise import lucky_keeps, recommended

SIZES = (20, 60, 200)
SHARE = {20: 1.0, 60: 0.5, 200: 0.25}
"""How many of the nights asked for a cell of this size gets: large suites take longer."""
IN_EVERY_WORLD = ("strict", "confirm, passes = 2", "posterior", "posterior, bounded")
WALKED_NIGHTS = 40
"""Nights of a cell whose candidates are asked for after every single trial."""
BOUNDS = {
    "confirm, passes = 2": 1 / 4,
    "confirm, passes = 3": 1 / 8,
    "anytime": SETTINGS["anytime"].alpha,
    "posterior, bounded": SETTINGS["posterior, bounded"].alpha,
}
OF_RULE = {
    "strict": "strict",
    "confirm": "confirm, passes = 2",
    "anytime": "anytime",
    "posterior": "posterior",
}
TIMES_STRICT = {
    ("usual", 20): 2.0,
    ("usual", 60): 1.5,
    ("usual", 200): 1.3,
    ("dense", 20): 1.3,
    ("dense", 60): 1.3,
    ("dense", 200): 1.3,
}
"""How many times strict's true gain in equal trials the posterior gate is to find."""

NARROWER = 0.8
"""At most this share of the width of the interval for tasks like these."""

Cell = tuple[str, int, str]
"""A setting, the number of tasks, and a world."""


def cells() -> Iterator[Cell]:
    yield from ((name, size, "usual") for name, size in product(SETTINGS, SIZES))
    for world in WORLDS:
        if world != "usual":
            sizes = SIZES if world == "dense" else SIZES[:2]
            yield from ((name, size, world) for name, size in product(IN_EVERY_WORLD, sizes))


def part(job: tuple[Cell, str, range, int]) -> tuple[Cell, list[Night], float]:
    (name, size, world), seed, numbers, walked = job
    begun = time.process_time()
    found = [night(name, size, f"{seed}/{size}/{n}", world=world, walk=n < walked) for n in numbers]
    return (name, size, world), found, time.process_time() - begun


def simulate(nights: int, seed: str) -> tuple[dict[Cell, list[Night]], float]:
    jobs: list[tuple[Cell, str, range, int]] = []
    for cell in sorted(cells(), key=lambda cell: -cell[1]):
        usual = cell[2] == "usual"
        number = max(2, int(nights * SHARE[cell[1]] * (1.0 if usual else 0.6)))
        step, walked = max(1, number // 10), WALKED_NIGHTS if usual else 0
        jobs += [
            (cell, seed, range(n, min(number, n + step)), walked) for n in range(0, number, step)
        ]
    found: defaultdict[Cell, list[Night]] = defaultdict(list)
    cpu = 0.0
    with Pool() as pool:
        for cell, some, seconds in pool.imap(part, jobs):
            found[cell] += some
            cpu += seconds
    return found, cpu


def figures(found: dict[Cell, list[Night]]) -> list[dict[str, Any]]:
    """A row a cell; `_se` is the standard error of the mean before it."""
    rows: list[dict[str, Any]] = []
    for (name, size, world), some in found.items():
        row: dict[str, Any] = {"gate": name, "n": size, "world": world, "nights": len(some)}
        for column, value in {
            "gain": [one.gain for one in some],
            "overstated": [one.claimed - one.gain for one in some],
            "certified_off": [one.certified - one.gain for one in some],
            "coverage": [100.0 * one.covered for one in some],
            "width": [one.width for one in some],
            "like_coverage": [100.0 * one.covered_like for one in some],
            "like_width": [one.width_like for one in some],
            "keeps": [float(one.keeps) for one in some],
            "false_keeps": [float(one.false_keeps) for one in some],
            "simpler_keeps": [float(one.simpler_keeps) for one in some],
            "trials": [float(one.trials) for one in some],
            "same_trials": [one.same_trials for one in some],
            "only_trials": [one.only_trials for one in some],
            "afforded": [float(one.afforded) for one in some],
        }.items():
            row[column], row[f"{column}_se"] = mean(value)
        unpruned = sum(one.unpruned for one in some)
        row["saved"] = 100 - points(sum(one.trials for one in some), unpruned)
        row["saved_in_flight"] = 100 - points(sum(one.in_flight for one in some), unpruned)
        chances = [one.false_keeps / one.no_better for one in some if one.no_better]
        row["false_chance"], row["false_chance_se"] = mean(chances) if chances[1:] else (0.0, 0.0)
        row["different"] = sum(one.different for one in some)
        row["walked"] = sum(one.walked for one in some)
        for column in ("same_trials", "only_trials"):
            others = found["strict", size, world]
            row[f"{column}_more"], row[f"{column}_more_se"] = mean(
                [getattr(a, column) - getattr(b, column) for a, b in zip(some, others, strict=True)]
            )
        if name == "strict" and world == "null":
            row["lucky_keeps"] = fmean(lucky_keeps(night.noise, CANDIDATES) for night in some)
        rows.append(row)
    return rows


def certificates(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Coverage and mean width of both intervals, over all gates of a world."""
    found: list[dict[str, Any]] = []
    for world, size in product(WORLDS, SIZES):
        some = [row for row in rows if (row["world"], row["n"]) == (world, size)]
        if not some:
            continue
        nights = sum(row["nights"] for row in some)
        told = {
            column: sum(row[column] * row["nights"] for row in some) / nights
            for column in ("coverage", "width", "like_coverage", "like_width")
        }
        error = sqrt(max(told["coverage"] * (100 - told["coverage"]), 100.0) / nights)
        found.append({"world": world, "n": size, "nights": nights, "coverage_se": error, **told})
    return found


def mean(values: Sequence[float]) -> tuple[float, float]:
    return fmean(values), stdev(values) / sqrt(len(values))


def recommendations(found: dict[Cell, list[Night]]) -> list[dict[str, Any]]:
    """The gate recommended after each baseline, against strict in the same nights."""
    rows: list[dict[str, Any]] = []
    for size in SIZES:
        strict = found["strict", size, "usual"]
        rules = [recommended(night.noise) for night in strict]
        chosen = [found[OF_RULE[rule], size, "usual"][n] for n, rule in enumerate(rules)]
        row: dict[str, Any] = {"n": size}
        for rule in OF_RULE:
            row[rule] = points(rules.count(rule), len(rules))
        for column in ("gain", "same_trials", "only_trials"):
            pairs = zip(chosen, strict, strict=True)
            more = [getattr(one, column) - getattr(other, column) for one, other in pairs]
            row[column], row[f"{column}_se"] = mean(more)
        rows.append(row)
    return rows


def broken(report: dict[str, Any]) -> Iterator[str]:
    """Every promise that these figures break; two standard errors are left to chance."""
    rows: list[dict[str, Any]] = report["cells"]
    if (walked := sum(row["walked"] for row in rows)) < 20_000:
        yield f"only {walked} candidates were walked trial by trial: take --nights 100 or more"
    strict = {(row["world"], row["n"]): row for row in rows if row["gate"] == "strict"}
    for row in rows:
        cell = f"{row['gate']} at n = {row['n']} in the world {row['world']!r}"
        if row["different"]:
            yield f"{cell}: {row['different']} verdicts are other than without pruning"
        if abs(row["certified_off"]) > 1 + 2 * row["certified_off_se"]:
            yield f"{cell}: the certificate is {row['certified_off']:+.2f} points off"
        bound = BOUNDS.get(row["gate"], 1.0)
        if row["false_chance"] > bound + 2 * row["false_chance_se"]:
            yield f"{cell}: keeps {row['false_chance']:.3f} of those no better, above {bound}"
        least = {20: 40, 60: 30, 200: 20}[row["n"]]
        usual = row["world"] in ("usual", "null")
        if row["gate"] == "strict" and usual and row["saved"] < least:
            yield f"{cell}: pruning saves {row['saved']:.1f} %, below {least}"
        if row["gate"] == "posterior":
            yield from behind(row, strict[row["world"], row["n"]], cell)
    for row in report["certificates"]:
        cell = f"the certificate at n = {row['n']} in the world {row['world']!r}"
        if row["coverage"] < 94 - 2 * row["coverage_se"]:
            yield f"{cell}: the interval covers {row['coverage']:.1f} %"
        if row["coverage"] > 97 + 2 * row["coverage_se"] and row["world"] != "certain":
            yield f"{cell}: the interval covers {row['coverage']:.1f} %, too wide"
        if row["width"] > NARROWER * row["like_width"]:
            yield f"{cell}: the interval is over {NARROWER} as wide as that for tasks like these"
    for row in report["recommended"]:
        for column in ("same_trials", "only_trials"):
            if row[column] < -2 * row[f"{column}_se"]:
                yield f"recommended at n = {row['n']}: {column} {row[column]:+.2f} against strict"


def behind(row: dict[str, Any], strict: dict[str, Any], cell: str) -> Iterator[str]:
    """Where the posterior gate finds less than strict in equal trials, or less than it promises."""
    for column in ("same_trials", "only_trials"):
        if row[f"{column}_more"] < -2 * row[f"{column}_more_se"]:
            yield f"{cell}: {column} {row[f'{column}_more']:+.2f} against strict"
    times = TIMES_STRICT.get((row["world"], row["n"]))
    if times is not None:
        column = "only_trials"
        short = times * strict[column] - row[column]
        if short > 2 * sqrt((times * strict[f"{column}_se"]) ** 2 + row[f"{column}_se"] ** 2):
            yield f"{cell}: {column} {row[column]:.2f}, strict {strict[column]:.2f}: not {times} x"


def printed(report: dict[str, Any]) -> None:
    print(f"{report['nights']} nights a cell, seed {report['seed']}; ± is a standard error\n")
    print(
        "world       n gate                    true gain   over- certi- keeps false chance simpler"
        " trials saved flight | same trials  only trials cand.  against strict"
    )
    order = list(WORLDS)
    for row in sorted(report["cells"], key=lambda row: (order.index(row["world"]), row["n"])):
        print(
            f"{row['world']:9} {row['n']:3} {row['gate']:22} "
            f"{row['gain']:6.2f} ±{row['gain_se']:4.2f} "
            f"{row['overstated']:6.2f} {row['certified_off']:+5.2f} "
            f"{row['keeps']:5.2f} {row['false_keeps']:5.2f} {row['false_chance']:6.3f} "
            f"{row['simpler_keeps']:6.2f} {row['trials']:6.0f} {row['saved']:5.1f} "
            f"{row['saved_in_flight']:6.1f} | "
            f"{row['same_trials']:6.2f} ±{row['same_trials_se']:4.2f} "
            f"{row['only_trials']:6.2f} ±{row['only_trials_se']:4.2f} {row['afforded']:5.0f}  "
            f"{row['only_trials_more']:+6.2f} ±{row['only_trials_more_se']:4.2f}"
        )
    print("\nthe certificate's interval (of these tasks; of tasks like these), ± points")
    for row in report["certificates"]:
        print(
            f"{row['world']:9} {row['n']:3} covers {row['coverage']:5.1f} % ±{row['width']:4.1f}; "
            f"{row['like_coverage']:5.1f} % ±{row['like_width']:4.1f}; "
            f"{row['width'] / row['like_width']:.2f} of the width"
        )
    for row in report["cells"]:
        if "lucky_keeps" in row:
            print(
                f"lucky keeps of strict, null edits, n = {row['n']}: {row['false_keeps']:.2f}, "
                f"foretold {row['lucky_keeps']:.2f}"
            )
    print("\nrecommended, against strict in the same nights (points)")
    for row in report["recommended"]:
        told = ", ".join(f"{rule} {row[rule]:.0f} %" for rule in OF_RULE)
        gains = "; ".join(
            f"{column} {row[column]:+.2f} ±{row[f'{column}_se']:.2f}"
            for column in ("gain", "same_trials", "only_trials")
        )
        print(f"{row['n']:3} {told}: {gains}")
    walked = sum(row["walked"] for row in report["cells"])
    compared = sum(row["nights"] * CANDIDATES for row in report["cells"])
    print(
        f"\npruned and unpruned verdicts compared: {compared}, {walked} of them after every trial; "
        f"{sum(row['different'] for row in report['cells'])} differ"
    )
    print(f"{report['seconds']:.0f} s, {report['cpu_seconds']:.0f} s of CPU")


def main() -> int:
    parser = argparse.ArgumentParser(description="Simulate nights against the gates.")
    parser.add_argument(
        "--nights", type=int, default=100, help="nights of the usual world's small suites (100)"
    )
    parser.add_argument("--seed", default="1", help="any text; equal seeds give equal figures")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 where a promise is broken")
    asked = parser.parse_args()
    if asked.nights < 2:
        parser.error("--nights: take 2 or more, one night has no standard error")
    begun = time.monotonic()
    found, cpu = simulate(asked.nights, asked.seed)
    cells = figures(found)
    report: dict[str, Any] = {
        "nights": asked.nights,
        "seed": asked.seed,
        "cells": cells,
        "certificates": certificates(cells),
        "recommended": recommendations(found),
        "cpu_seconds": cpu,
        "seconds": time.monotonic() - begun,
    }
    if asked.json:
        print(json.dumps(report, indent=2))
    else:
        printed(report)
    problems = list(broken(report)) if asked.check else []
    for problem in problems:
        print(f"broken: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
