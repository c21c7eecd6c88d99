"""Trees and archives that somebody hostile filled: unpacked within bounds, removed in any case."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

MEMBERS_LIMIT = 10_000
"""Of an archive."""


def unpack(blob: bytes, target: Path, *, links: bool = True) -> None:
    """Unpack an archive that the candidate made: not compressed, bounded, and inside `target`.

    Args:
        blob: The archive.
        target: An existing directory of ours.
        links: Whether links inside the target are taken too.

    Raises:
        ValueError: It holds more than an archive of its own size can.
        tarfile.TarError: It is no archive, or a member would leave the target.
    """
    with tarfile.open(fileobj=io.BytesIO(blob), mode="r:") as archive:
        for count, member in enumerate(archive):
            if count >= MEMBERS_LIMIT or member.size > len(blob):
                raise ValueError("the archive holds more than it can")
            if links or member.isreg() or member.isdir():
                archive.extract(member, target, filter="data")


def remove_tree(path: Path) -> None:
    """Remove a whole tree, however deep, whatever permissions a sandboxed process left in it."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwX", "--"], ["rm", "-rf", "--"]):
            subprocess.run([*command, str(path)], check=False, capture_output=True)
