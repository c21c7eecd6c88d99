"""What is put into a verifier's container so that paths are there as the image has them.

An archive takes nothing away, but what it brings replaces what is there: an empty file in the
place of one that was planted is as good as none to whoever reads it, and a directory after a file
of the same name is empty.
"""

import io
import secrets
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from posixpath import dirname

from autoagent.environments.docker.archives import Archives
from autoagent.environments.tampering.steering import ADDED, Change, Found

_FILES = (".pth", ".pyc", ".py", ".txt", ".sh", ".so")
"""Endings of what is a plain file, and need not be asked for."""


class Restoring:
    """One archive for the root of a verifier's container.

    Attributes:
        variables: What the verifier finds set, because of what is in the archive.
    """

    def __init__(
        self, changes: Sequence[Change], used: Archives, original: Callable[[], Archives]
    ) -> None:
        """Describe it by what was changed, the candidate's files, and the image's."""
        self._kinds = {change.path: change.kind for change in changes}
        self._used, self._original = used, original
        self._buffer = io.BytesIO()

    def archive(self, found: Found, *directories: str) -> bytes:
        """The archive; `directories` are made, open to everybody."""
        with tarfile.open(fileobj=self._buffer, mode="w") as archive:
            done = set[str]()
            for path in found.restored:
                if not any(str(parent) in done for parent in PurePosixPath(path).parents):
                    self._restore(archive, path)
                    done.add(path)
            for path, data in found.replaced.items():
                _add(archive, path, data)
            for path in directories:
                _add(archive, path, None, 0o1777)
        return self._buffer.getvalue()

    def _restore(self, archive: tarfile.TarFile, path: str) -> None:
        added = self._kinds.get(path) == ADDED
        is_directory = not path.endswith(_FILES) and self._used.is_directory(path)
        if not added or is_directory:
            _add(archive, path, b"")
        if not added:
            self._copy(archive, path)
        else:
            _add(archive, path, None if is_directory else b"")

    def _copy(self, archive: tarfile.TarFile, path: str) -> None:
        """Everything at a path of the image."""
        packed = self._original().packed(path)
        with tarfile.open(fileobj=io.BytesIO(packed)) as before:
            for member in before:
                name = f"{dirname(path).strip('/')}/{member.name}".strip("/")
                file = before.extractfile(member) if member.isreg() else None
                member.name = name
                if member.islnk():
                    member.linkname = f"{dirname(path).strip('/')}/{member.linkname}".strip("/")
                archive.addfile(member, file)


def fresh() -> Mapping[str, str]:
    """What a verifier finds set: directories for what it makes, which nobody could fill before."""
    place = f"/tmp/{secrets.token_hex(8)}"
    # Compiled modules that were planted beside a library's are not looked at.
    return {"TMPDIR": place, "PYTHONPYCACHEPREFIX": f"{place}/compiled"}


def _add(archive: tarfile.TarFile, path: str, data: bytes | None, mode: int = 0o755) -> None:
    """A plain file, or a directory where there is no data."""
    member = tarfile.TarInfo(path.strip("/"))
    member.mode = mode if data is None else 0o644
    member.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    member.size = len(data or b"")
    archive.addfile(member, io.BytesIO(data or b""))
