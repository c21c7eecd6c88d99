"""The labels on everything we make in a Docker daemon, and so the only things we remove."""

from collections.abc import Mapping

PREFIX = "org.autoagent."
STATE, CLIMB, EVALUATION, TRIAL = (
    f"{PREFIX}{name}" for name in ("state", "climb", "evaluation", "trial")
)
"""Whose it is: the workspace's state directory, the climb's tag, the evaluation's directory, and
Harbor's name of the trial. What belongs to no climb or to no trial has no such label."""
BUILT_ON = f"{PREFIX}built-on"
"""The image that a task's was built on, by the daemon's id."""
TASK_IMAGE = "autoagent-task"
"""Repository of images built from tasks; the tag is the content's digest."""


def labels_for(state: str, evaluation: str, trial: str = "", climb: str = "") -> Mapping[str, str]:
    """What goes on a container, a volume or a snapshot of a trial.

    Args:
        state: The workspace's state directory.
        evaluation: The evaluation's own directory, whose lock tells whether its worker lives.
        trial: Harbor's name of the trial.
        climb: The climb's tag; `autoagent run` has none.
    """
    labels = {STATE: state, CLIMB: climb, EVALUATION: evaluation, TRIAL: trial}
    return {name: value for name, value in labels.items() if value}
