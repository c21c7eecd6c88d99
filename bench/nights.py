"""What a gate is worth: simulated nights against the gate itself.

    uv run python bench/nights.py [--nights N] [--seed S] [--json] [--check]

Every gate meets the same nights, in the world of bench/simulated.py. There are three kinds: 50
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

from autoagent.gate.noise import lucky_keeps, recommended

SIZES = (20, 60, 200)
WALKED_NIGHTS = 50
"""Nights of a cell whose candidates are asked for after every single trial."""
NULL_SETTINGS = ("strict", "confirm, passes = 2", "confirm, passes = 3", "anytime")
BOUNDS = {
    "confirm, passes = 2": 1 / 4,
    "confirm, passes = 3": 1 / 8,
    "anytime": SETTINGS["anytime"].alpha,
}
OF_RULE = {"strict": "strict", "confirm": "confirm, passes = 2", "anytime": "anytime"}

Cell = tuple[str, int, bool]
"""A setting, the number of tasks, and whether every edit is null."""


def part(job: tuple[Cell, str, range, int]) -> tuple[Cell, list[Night], float]:
    (name, size, null), seed, numbers, walked = job
    begun = time.process_time()
    found = [
        night(name, size, f"{seed}/{size}/{null}/{n}", null=null, walk=n < walked) for n in numbers
    ]
    return (name, size, null), found, time.process_time() - begun


def simulate(nights: int, seed: str) -> tuple[dict[Cell, list[Night]], float]:
    cells = [*product(SETTINGS, SIZES, [False]), *product(NULL_SETTINGS, SIZES, [True])]
    step = max(1, nights // 10)
    jobs = [
        (cell, seed, range(n, min(nights, n + step)), WALKED_NIGHTS)
        for cell in sorted(cells, key=lambda cell: -cell[1])
        for n in range(0, nights, step)
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
    for (name, size, null), some in found.items():
        row: dict[str, Any] = {"gate": name, "n": size, "null": null, "nights": len(some)}
        for column, value in {
            "gain": [one.gain for one in some],
            "overstated": [one.claimed - one.gain for one in some],
            "certified_off": [one.certified - one.gain for one in some],
            "coverage": [100.0 * one.covered for one in some],
            "keeps": [float(one.keeps) for one in some],
            "false_keeps": [float(one.false_keeps) for one in some],
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
        row["false_chance"], row["false_chance_se"] = mean(chances)
        row["different"] = sum(one.different for one in some)
        row["walked"] = sum(one.walked for one in some)
        if name == "strict" and null:
            row["lucky_keeps"] = fmean(lucky_keeps(night.noise, CANDIDATES) for night in some)
        rows.append(row)
    return rows


def mean(values: Sequence[float]) -> tuple[float, float]:
    return fmean(values), stdev(values) / sqrt(len(values))


def recommendations(found: dict[Cell, list[Night]]) -> list[dict[str, Any]]:
    """The gate recommended after each baseline, against strict in the same nights."""
    rows: list[dict[str, Any]] = []
    for size in SIZES:
        strict = found["strict", size, False]
        rules = [recommended(night.noise, size) for night in strict]
        chosen = [found[OF_RULE[rule], size, False][n] for n, rule in enumerate(rules)]
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
        yield f"only {walked} candidates were walked trial by trial: take --nights 50 or more"
    for row in rows:
        cell = f"{row['gate']} at n = {row['n']}" + (", null edits" if row["null"] else "")
        if row["different"]:
            yield f"{cell}: {row['different']} verdicts are other than without pruning"
        if abs(row["certified_off"]) > 1 + 2 * row["certified_off_se"]:
            yield f"{cell}: the certificate is {row['certified_off']:+.2f} points off"
        if row["coverage"] < 90:
            yield f"{cell}: the interval covers {row['coverage']:.1f} %"
        bound = BOUNDS.get(row["gate"], 1.0)
        if row["false_chance"] > bound + 2 * row["false_chance_se"]:
            yield f"{cell}: keeps {row['false_chance']:.3f} of those no better, above {bound}"
        least = {20: 40, 60: 30, 200: 20}[row["n"]]
        if row["gate"] == "strict" and row["saved"] < least:
            yield f"{cell}: pruning saves {row['saved']:.1f} %, below {least}"
    for row in report["recommended"]:
        for column in ("same_trials", "only_trials"):
            if row[column] < -2 * row[f"{column}_se"]:
                yield f"recommended at n = {row['n']}: {column} {row[column]:+.2f} against strict"


def printed(report: dict[str, Any]) -> None:
    print(f"{report['nights']} nights a cell, seed {report['seed']}; ± is a standard error\n")
    print(
        "  n gate                        true gain   over- certi-  cov. keeps false chance"
        " trials saved flight | same trials  only trials cand."
    )
    for row in sorted(report["cells"], key=lambda row: (row["null"], row["n"])):
        gate = row["gate"] + (" (null)" if row["null"] else "")
        equal = (
            ""
            if row["null"]
            else f"{row['same_trials']:6.2f} ±{row['same_trials_se']:4.2f} "
            f"{row['only_trials']:6.2f} ±{row['only_trials_se']:4.2f} {row['afforded']:5.0f}"
        )
        print(
            f"{row['n']:3} {gate:26} {row['gain']:5.2f} ±{row['gain_se']:4.2f} "
            f"{row['overstated']:6.2f} {row['certified_off']:+5.2f} {row['coverage']:5.1f} "
            f"{row['keeps']:5.2f} {row['false_keeps']:5.2f} {row['false_chance']:6.3f} "
            f"{row['trials']:6.0f} {row['saved']:5.1f} {row['saved_in_flight']:6.1f} | {equal}"
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
    parser.add_argument("--nights", type=int, default=500, help="nights a cell (500)")
    parser.add_argument("--seed", default="1", help="any text; equal seeds give equal figures")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 where a promise is broken")
    asked = parser.parse_args()
    if asked.nights < 2:
        parser.error("--nights: take 2 or more, one night has no standard error")
    begun = time.monotonic()
    found, cpu = simulate(asked.nights, asked.seed)
    report: dict[str, Any] = {
        "nights": asked.nights,
        "seed": asked.seed,
        "cells": figures(found),
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
