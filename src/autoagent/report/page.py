"""The page: a story, its pictures and its diffs in one file that needs no network and no script.

Everything is escaped where it is put in, but for the SVG that the charts made, and the page's own
policy lets no script run and nothing load.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from autoagent.errors import WorkspaceError
from autoagent.evidence.journal import Journal
from autoagent.files import write_durably
from autoagent.report import charts
from autoagent.report.diffs import Change, stored
from autoagent.report.played import Played, last_climb, uncollected
from autoagent.report.story import Edit, Story, spell, story
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks import snapshot

PAGE = "report.html"
PICTURE = "progress.png"
GLYPHS = {"passed": "✓", "partly": "~", "failed": "✗", "not run": "·"}
_TONES = {"READY": "ready", "NEEDS ATTENTION": "attention", "NO REAL GAIN": "none"}


class Script(NamedTuple):
    """A script of ours that the page's policy admits, by its nonce; the page itself has none.

    `live` keeps a served page up to date, `framed` shows it in a client that has MCP Apps.
    """

    name: Literal["live", "framed"]
    nonce: str

    @property
    def text(self) -> Markup:
        """What stands in the page."""
        return Markup(Path(__file__).with_name(f"{self.name}.js").read_text("utf-8"))  # noqa: S704


def write(workspace: Workspace, journal: Journal, draw: charts.Draw) -> Story:
    """Write `.autoagent/report.html` and `.autoagent/progress.png`; the story they tell.

    Raises:
        JournalError: These are no facts that we wrote.
        OSError: There is no place for the files.
    """
    told, page = tell(workspace, journal, draw)
    workspace.output.mkdir(exist_ok=True)
    write_durably(workspace.output / PAGE, page.encode())
    if told.steps:
        write_durably(
            workspace.output / PICTURE, charts.progress_png(charts.staircase(told.steps, draw))
        )
    return told


def tell(
    workspace: Workspace, journal: Journal, draw: charts.Draw, script: Script | None = None
) -> tuple[Story, str]:
    """The story of the last climb, and the page that tells it; nothing is written.

    Raises:
        JournalError: These are no facts that we wrote.
    """
    head = journal.head()
    with uncollected():
        climb = last_climb(journal)
        told = story(climb, journal.now(), _drift(workspace, climb))
        del climb
    edits = [(edit.parent, edit.candidate) for edit in told.edits]
    with ThreadPoolExecutor(1) as beside:  # who draws, waits for a process of its own
        drawn = beside.submit(charts.staircase, told.steps, draw) if told.steps else None
        diffs = dict(zip(told.edits, stored(Projection(workspace), edits), strict=True))
        staircase = drawn.result() if drawn else ""
    return told, render(told, diffs, head, staircase, script)


def _drift(workspace: Workspace, climb: Played) -> list[str]:
    """What the workspace says otherwise than what a climb froze, while it is played."""
    if climb.ended is not None:
        return []
    try:
        return snapshot.drift(workspace, snapshot.load(workspace, climb.started.snapshot))
    except WorkspaceError as error:
        return [error.message]


def render(
    told: Story,
    diffs: Mapping[Edit, Change],
    head: str,
    staircase: str,
    script: Script | None = None,
) -> str:
    """The page as text.

    Args:
        told: The story.
        diffs: What each kept edit changed.
        head: The journal's last hash.
        staircase: The chart's SVG, or nothing.
        script: What the page runs, where it is no file.
    """
    return _template().render(
        problem="",
        story=told,
        lasted=spell(told.hours),
        tone=_TONES.get(told.headline, ""),
        edits=[(edit, diffs[edit]) for edit in told.edits],
        staircase=Markup(staircase),  # noqa: S704
        matrix=charts.matrix(told.matrix),
        glyphs=GLYPHS,
        costs=[*told.spent.items(), ("in all", told.costs)],
        head=head[:12],
        script=script,
    )


def waiting(name: str, script: Script) -> str:
    """The page of a workspace where no climb was started yet."""
    return _template().render(
        problem=f"No climb was started in {name} yet.",
        script=script,
    )


def _template() -> Template:
    return Environment(
        loader=PackageLoader("autoagent.report", ""),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    ).get_template("page.html")
