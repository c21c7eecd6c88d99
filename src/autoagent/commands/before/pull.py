"""`autoagent image pull`: fetches an image for tasks in the sandbox, once for every workspace.

skopeo does it: registries, their credentials and mirrors are its trade. What it brings goes into
an OCI layout of the user's own, and is unpacked, checked against its digests, when a task needs it.
"""

import re
import shutil
import subprocess
from pathlib import Path

from autoagent.errors import WorkspaceError
from autoagent.workspace.state import pulled_images
from autoagent.workspace.tasks.building.oci import NAME, architecture, full_name, read_image

_SOURCE = re.compile(r"(docker://|oci:|oci-archive:|docker-archive:|docker-daemon:)\S+")


def pull(name: str, source: str | None = None) -> list[str]:
    """Fetch an image.

    Args:
        name: What tasks call it, after FROM.
        source: Where it is, in skopeo's words; by default the registry that its name says.

    Returns:
        Lines that say what is there now.

    Raises:
        WorkspaceError: skopeo is not installed, or has not got it.
    """
    if not NAME.fullmatch(name):
        raise WorkspaceError(f"{name!r} is no image's name. Give what stands after FROM.")
    source = source or f"docker://{name}"
    if not _SOURCE.fullmatch(source):
        raise WorkspaceError(
            f"--from {source}: give docker://NAME, oci:DIRECTORY, oci-archive:FILE or "
            "docker-archive:FILE."
        )
    if (skopeo := shutil.which("skopeo")) is None:
        raise WorkspaceError(
            "skopeo is not installed, which fetches images (`apt-get install skopeo`). Or name an "
            "archive of `docker save` under [sandbox.images] in autoagent.toml."
        )
    place = pulled_images()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy(skopeo, source, place, full_name(name))
    facts = read_image(place, name, only_named=True)
    return [f"{full_name(name)}: {facts.id[:12]}, in {place}", "Next: `autoagent doctor`."]


def _copy(skopeo: str, source: str, place: Path, name: str) -> None:
    machine = ["--override-os", "linux", "--override-arch", architecture()]
    command = [skopeo, *machine, "copy", "--quiet", source, f"oci:{place}:{name}"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = re.sub(r'.*msg="|"$', "", done.stderr.strip().split("\n")[-1])[:400]
        raise WorkspaceError(f"skopeo could not fetch {source}: {said}")
