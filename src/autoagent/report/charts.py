"""The pictures of a climb: its staircase, and which candidate passed which task.

The staircase is a Vega-Lite chart that vl-convert draws, as SVG for the page and as PNG in the
original's manner. Text and axes take the page's colour. The matrix has up to half a million
cells, for which a chart library makes a shape each; here it is one path for each kind of cell,
made of runs, which a browser draws at once.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import vl_convert

from autoagent.report.results import Cell
from autoagent.report.story import Kind, Step

COLOURS: dict[Kind, str] = {
    "keep": "#2a9d5c",
    "discard": "#8a8f98",
    "stopped early": "#8a8f98",
    "crash": "#d1495b",
    "void": "#d9a441",
}
SHAPES: dict[Kind, str] = {
    "keep": "circle",
    "discard": "circle",
    "stopped early": "triangle-down",
    "crash": "cross",
    "void": "diamond",
}
_SYMBOL = re.compile(r'<path aria-label="([^"]*)"([^>]*)/>')
INK = "#1d2127"
_PAPER = '<rect width="100%" height="100%" fill="white"/>'
_QUIET = {"labelColor": "currentColor", "titleColor": "currentColor"}


type Draw = Callable[[dict[str, Any]], str]
"""Makes the SVG of a Vega-Lite description."""


def draw(description: dict[str, Any]) -> str:
    """In this process: most of a second for the first, little for all others."""
    return vl_convert.vegalite_to_svg(description)


@lru_cache(maxsize=1)
def staircase(steps: tuple[Step, ...], draw: Draw = draw) -> str:
    """The staircase as SVG; each mark tells its candidate when it is pointed at or read out."""
    svg = draw(_staircase(steps))
    told = _SYMBOL.sub(r'<path aria-label="\1"\2><title>\1</title></path>', svg)
    return told.replace("<svg ", '<svg role="img" aria-label="Passed by candidate" ', 1)


def progress_png(staircase: str) -> bytes:
    """The staircase as a picture of its own, dark on white."""
    dark = staircase.replace("currentColor", INK)
    ground, drawn = dark.split(">", 1)
    return vl_convert.svg_to_png(f"{ground}>{_PAPER}{drawn}", scale=2)


def _staircase(steps: Sequence[Step]) -> dict[str, Any]:
    best, stairs, marks = 0.0, list[dict[str, Any]](), list[dict[str, Any]]()
    for step in steps:
        rate = None if step.rate is None else 100 * step.rate
        if step.status == "keep" and rate is not None:
            best = rate
        stairs.append({"n": step.number, "best": best})
        # How many a pruned one passes was not found out: it stands on the ground.
        marks.append(
            {
                "n": step.number,
                "rate": 0.0 if rate is None else rate,
                "kind": step.kind,
                "told": f"{step.number}. {step.commit} {step.kind} {step.passed}: "
                f"{step.description}",
            }
        )
    axis = {"tickMinStep": 1, "format": "d", "grid": False}
    x = {"field": "n", "type": "quantitative", "title": "candidate", "axis": axis}
    seen: list[Kind] = [kind for kind in COLOURS if any(step.kind == kind for step in steps)]
    colour = {"domain": seen, "range": [COLOURS[kind] for kind in seen]}
    shape = {"domain": seen, "range": [SHAPES[kind] for kind in seen]}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "width": 860,
        "height": 240,
        "config": {
            "view": {"stroke": None},
            "font": "sans-serif",
            "axis": {**_QUIET, "gridColor": "currentColor", "gridOpacity": 0.12},
            "legend": {**_QUIET, "orient": "top"},
        },
        "layer": [
            {
                "data": {"values": stairs},
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
                "encoding": {
                    "x": x,
                    "y": {"field": "best", "type": "quantitative"},
                    "color": {"value": COLOURS["keep"]},
                    "description": {"value": "the best that was kept"},
                },
            },
            {
                "data": {"values": marks},
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": {
                        "field": "rate",
                        "type": "quantitative",
                        "title": "passed, %",
                        "scale": {"domain": [0, 100]},
                    },
                    "color": {"field": "kind", "scale": colour, "title": None},
                    "shape": {"field": "kind", "scale": shape, "title": None},
                    "description": {"field": "told"},
                },
            },
        ],
    }


DRAWN: tuple[Cell, ...] = ("passed", "partly", "failed")
"""What did not run is the ground that is seen between."""


@dataclass(frozen=True)
class Matrix:
    """Tasks by candidates, in units of a cell.

    Attributes:
        tasks: How many rows.
        candidates: How many columns.
        paths: An SVG path for each kind of cell that is drawn.
        rows: Each task with what its row says.
    """

    tasks: int
    candidates: int
    paths: Mapping[Cell, str]
    rows: tuple[tuple[str, str], ...]


def matrix(cells: Mapping[str, Sequence[Cell]]) -> Matrix:
    """The matrix of a story, the tasks that are passed most rarely first."""
    order = sorted(cells, key=lambda task: (cells[task].count("passed"), task))
    paths: dict[Cell, list[str]] = {kind: ["M0 .5"] for kind in DRAWN}
    at = {kind: (0, 0) for kind in DRAWN}
    for y, task in enumerate(order):
        x = 0
        for kind, run in groupby(cells[task]):
            end = x + len(list(run))
            if kind in paths:  # from where the last run of its kind ended: half the characters
                was_x, was_y = at[kind]
                paths[kind].append(f"m{x - was_x} {y - was_y}h{end - x}")
                at[kind] = end, y
            x = end
    return Matrix(
        tasks=len(order),
        candidates=max(map(len, cells.values()), default=0),
        paths={kind: "".join(runs) for kind, runs in paths.items()},
        rows=tuple((task, _row(cells[task])) for task in order),
    )


def _row(cells: Sequence[Cell]) -> str:
    ran = len(cells) - cells.count("not run")
    return f"passed by {cells.count('passed')} of {ran} candidates that ran it"
