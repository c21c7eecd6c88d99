"""What a trial's container says of its candidate, held against the image it was made of.

It does not know what is tampering: `tampering` says so of what was changed, `remains` of what
was left.
"""

import contextlib
import functools
from collections.abc import Mapping

from docker.errors import APIError

from autoagent.environments.docker.builds import Image
from autoagent.environments.docker.container import Container
from autoagent.environments.docker.remains import look
from autoagent.environments.steering import judge


def judge_container(
    used: Container, image: Image, labels: Mapping[str, str], work: str, *, in_place: bool
) -> str | None:
    """What the candidate did to the system that its verifier will run on, or left for it.

    Args:
        used: Its container.
        image: The container's.
        labels: Of a container of the image, made where it is asked for and removed again.
        work: The task's work directory.
        in_place: The system's files are not compared with anything.
    """
    with contextlib.ExitStack() as stack:

        @functools.cache
        def original() -> Container:
            made = Container(image.id, labels, {"network_mode": "none"})
            stack.callback(made.remove)
            return made

        try:
            changes = used.changes()
        except APIError as error:
            if "name too long" not in str(error):
                raise
            return "the trial left paths that are too long to be compared with its image"
        said = None
        if not in_place:
            said = judge(changes, image.path, work, lambda path: original().archives.exists(path))
        return said or look(changes, image.volumes, used.archives, lambda: original().archives)
