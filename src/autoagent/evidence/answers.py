"""Which model answered for which, by their names; `gateway.identity` judges that."""

from autoagent.evidence import events
from autoagent.evidence.journal import Journal


def answers(journal: Journal) -> list[tuple[str, str]]:
    """The model that was asked, and the one that an answer named, in the climb started last."""
    began = journal.last(events.ClimbStarted)
    told = journal.of_kind(events.ModelAnswered, after=began.seq if began else 0)
    return [(entry.event.model, entry.event.answered_by) for entry in told]
