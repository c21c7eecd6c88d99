"""A trial's paths made again as the image has them, before its verifier starts."""

import os
import stat
from pathlib import Path, PurePosixPath

from autoagent.environments.sandbox.beneath import Beneath


def restore(root: Beneath, image: Beneath, path: str) -> None:
    """Make a path what it is in the image; nothing, where there is nothing.

    What holds it is restored before it, so no link leads elsewhere by then.
    """
    place = PurePosixPath(path)
    root.remove(path)
    try:
        with image.directory(str(place.parent), follow=False) as before:
            facts = os.stat(place.name, dir_fd=before, follow_symlinks=False)
            source = Path(f"/proc/self/fd/{before}", place.name)
            if stat.S_ISLNK(facts.st_mode):
                root.write_link(str(source.readlink()), path)
            elif stat.S_ISDIR(facts.st_mode):
                root.write_tree(source, path)
            elif stat.S_ISREG(facts.st_mode):
                root.write_file(source, path)
    except FileNotFoundError:
        return
