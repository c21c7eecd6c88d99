"""Where images are found: what autoagent.toml names, and what `autoagent image pull` fetched.

What was pulled lies in one OCI layout of the user's own, outside every workspace: images share
their layers there. A snapshot has the facts of what its tasks start from, so that what runs is
what was frozen.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from autoagent.config import FILE_NAME
from autoagent.errors import WorkspaceError
from autoagent.files import read_regular
from autoagent.records import Record
from autoagent.workspace.tasks.building.oci import ImageFacts, full_name, read_image

FROZEN = "images.json"
"""In a snapshot, beside the directory of tasks."""


class ImageMissing(WorkspaceError):
    """A task starts from an image that is not here."""

    def __init__(self, name: str) -> None:
        """Name it, and the two ways to it."""
        super().__init__(
            f"needs the image {name}: `autoagent image pull {name}`, or name an archive under "
            f"[sandbox.images] in {FILE_NAME}."
        )


class Shelf(Record):
    """Where a workspace's images are: `named` by autoagent.toml, `pulled` by hand, or `frozen`."""

    named: Mapping[str, Path] = {}
    pulled: Path | None = None
    frozen: Mapping[str, ImageFacts] = {}

    def find(self, name: str) -> ImageFacts:
        """An image's facts.

        Raises:
            ImageMissing: It is nowhere.
            WorkspaceError: What is there is no image that can run here.
        """
        wanted = full_name(name)
        if wanted in self.frozen:
            return self.frozen[wanted]
        named = {full_name(key): place for key, place in self.named.items()}
        if wanted in named:
            return read_image(named[wanted], name)
        if self.pulled is not None and (self.pulled / "index.json").is_file():
            try:
                return read_image(self.pulled, name, only_named=True)
            except WorkspaceError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
        raise ImageMissing(name)


def freeze_images(found: Mapping[str, ImageFacts], snapshot: Path) -> None:
    """Write down what a snapshot's tasks start from; nothing, where that is no image."""
    if found:
        facts = {full_name(name): found[name].model_dump(mode="json") for name in sorted(found)}
        (snapshot / FROZEN).write_text(json.dumps(facts, indent=1, sort_keys=True))


def copy_images(snapshot: Path, target: Path) -> None:
    """Take along what a snapshot's tasks start from, where they are laid out anew."""
    if (snapshot / FROZEN).is_file():
        shutil.copyfile(snapshot / FROZEN, target / FROZEN)


def frozen_shelf(context: Path) -> Shelf:
    """The images of a snapshot, by the directory of a Dockerfile in it."""
    place = context.absolute().parents[2] / FROZEN
    if not place.is_file():
        return Shelf()
    facts: Mapping[str, object] = json.loads(read_regular(place))
    return Shelf(frozen={name: ImageFacts.model_validate(one) for name, one in facts.items()})
