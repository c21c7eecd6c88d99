"""One line of a review."""

from autoagent.records import Record


class Fault(Record):
    """What is wrong with a task, or with all of them where `task` is empty, and how to mend it."""

    task: str
    what: str
    fix: str
