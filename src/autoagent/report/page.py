"""The page: a story, its pictures and its diffs in one file that needs no network and no script.

Everything is escaped where it is put in, but for the SVG that the charts made, and the page's own
policy lets no script run and nothing load.
"""

import time

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from autoagent.errors import AutoAgentError
from autoagent.evidence.journal import Journal
from autoagent.files import write_durably
from autoagent.report import charts
from autoagent.report.diffs import diff
from autoagent.report.played import climbs
from autoagent.report.story import Edit, Story, story
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.layout import Workspace

PAGE = "report.html"
PICTURE = "progress.png"
_TONES = {"READY": "ready", "NEEDS ATTENTION": "attention", "NO REAL GAIN": "none"}


def write(workspace: Workspace, journal: Journal) -> Story:
    """Write `.autoagent/report.html` and `.autoagent/progress.png`; the story they tell.

    Raises:
        JournalError: These are no facts that we wrote.
        OSError: There is no place for the files.
    """
    told = story(climbs(journal.entries())[-1], time.time())
    workspace.output.mkdir(exist_ok=True)
    page = render(told, {edit: _lines(workspace, edit) for edit in told.edits}, journal.head())
    write_durably(workspace.output / PAGE, page.encode())
    if told.steps:
        write_durably(workspace.output / PICTURE, charts.progress_png(told.steps))
    return told


def render(told: Story, diffs: dict[Edit, tuple[str, ...]], head: str) -> str:
    """The page as text.

    Args:
        told: The story.
        diffs: The lines of each kept edit.
        head: The journal's last hash.
    """
    templates = Environment(
        loader=PackageLoader("autoagent.report", ""),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    template = templates.get_template("page.html")
    return template.render(
        story=told,
        lasted=_lasted(told.costs.hours),
        tone=_TONES.get(told.headline, ""),
        edits=[(edit, diffs[edit]) for edit in told.edits],
        staircase=Markup(charts.staircase(told.steps)) if told.steps else "",  # noqa: S704
        matrix=charts.matrix(told.matrix),
        head=head[:12],
    )


def _lasted(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 2 else f"{60 * hours:.0f} minutes"


def _lines(workspace: Workspace, edit: Edit) -> tuple[str, ...]:
    store = Projection(workspace)
    try:
        return diff(store.content(edit.parent), store.content(edit.candidate))
    except AutoAgentError as error:
        return (f"It cannot be shown: {error}",)
