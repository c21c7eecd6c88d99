r"""Absolute paths of a task, rewritten to where they are kept on the machine.

For a trial without a mount namespace. An occurrence is rewritten where a path begins with
one of the given directories: `/app`, `/app/x` and `PATH=/app/bin:/usr/bin`, but not
`/application`, `/app.bak`, `./app`, `$HOME/app`, `"$HOME"/app`, `{base}/app`, `\/app`,
`https://host/app` or `</app>`. It is a rule about text; nothing is parsed. So a path put
together from pieces (`root + "/app"`) is rewritten though it is none, `"/" + "app"` is not
though it is one, and a web route or a pattern that reads `/app` is taken for the directory.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from autoagent.errors import InfrastructureFault

TEXT_LIMIT = 16 * 1024 * 1024
"""Larger files are data, not programs, and stay as they are."""

Change = Callable[[str], str]

_BEGINS = r"(?:(?<![\w/.~})\]*?%\\-])|(?<=\s-[A-Za-z]))"
_ENDS = r"(?!\.*[\w+@~%-]|\.+/)"
_CLOSING_TAG = re.compile(r"\s*>")
_CLOSED_QUOTE = re.compile(r"(?:(?P<word>\w+)|[})\]])[\"']$")
_STRING_PREFIX = re.compile(r"[bfru]{1,2}", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


class Rewriting:
    """One trial's directories, and where they are."""

    def __init__(self, places: Mapping[str, str], home: Path) -> None:
        """Describe the directories.

        Args:
            places: Where each directory of the task is, below `home`.
            home: What is below it was rewritten before and stays as it is.
        """
        self._places = dict(sorted(places.items(), key=lambda item: -len(item[0])))
        self._back = {place: path for path, place in self._places.items()}
        known = "|".join(map(re.escape, self._places))
        self._pattern = re.compile(
            f"{_BEGINS}(?:(?P<home>{re.escape(str(home))}/)|(?P<path>{known}){_ENDS})"
        )
        kept = "|".join(map(re.escape, sorted(self._back, key=len, reverse=True)))
        self._kept = re.compile(f"(?:{kept}){_ENDS}")

    def text(self, text: str) -> str:
        """Every path in a text; twice is the same as once."""
        return self._pattern.sub(self._place, text)

    def undone(self, text: str) -> str:
        """The text with the task's own paths again."""
        return self._kept.sub(lambda match: self._back[match.group()], text)

    def _place(self, match: re.Match[str]) -> str:
        path = match["path"]
        if path is None or _continues(match):
            return match.group()
        return self._places[path]


def _continues(match: re.Match[str]) -> bool:
    """Whether what looks like the beginning of a path is the end of something else."""
    text, start = match.string, match.start()
    before = text[max(0, start - 40) : start]
    if before.endswith("<") and _CLOSING_TAG.match(text, match.end()):
        return True
    closed = _CLOSED_QUOTE.search(before)
    return closed is not None and not (closed["word"] and _STRING_PREFIX.fullmatch(closed["word"]))


def changed(data: bytes, change: Change) -> bytes:
    """A text file's content, changed; anything but UTF-8 text without NUL stays as it is."""
    if len(data) > TEXT_LIMIT or b"\0" in data:
        return data
    try:
        return change(data.decode("utf-8")).encode("utf-8")
    except UnicodeDecodeError:
        return data


def copy(source: Path, target: Path, change: Change) -> None:
    """Copy a file or a tree with its modes and times, changing the text files in it.

    Links are copied as they are.
    """

    def copy_file(original: str, place: str) -> None:
        data = Path(original).read_bytes() if Path(original).is_file() else b""
        new = changed(data, change)
        if new == data:
            shutil.copy2(original, place)
        else:
            Path(place).write_bytes(new)
            shutil.copystat(original, place)

    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=copy_file)
    else:
        copy_file(str(source), str(target))


def change_tree(root: Path, change: Change) -> None:
    """Change the text files below a directory that no process is using."""
    before = root.with_name(f"{root.name}.before")
    root.rename(before)
    copy(before, root, change)
    shutil.rmtree(before)


def require_plain(directory: Path) -> None:
    """Refuse a directory whose path does not stay one word wherever it is put.

    Raises:
        InfrastructureFault: Names the characters that are allowed.
    """
    if not _PLAIN.fullmatch(str(directory)):
        raise InfrastructureFault(
            f'With isolation = "process" the path {str(directory)!r} would be put into the tasks\' '
            "commands, so it may hold only letters, digits and . _ - /. Set AUTOAGENT_STATE_DIR to "
            "such a directory.",
            "restart the server with it",
        )
