"""Keys never leave the worker: not in a log, an error, a record, or an answer to the harness."""

import json
import logging
from collections.abc import Iterable
from typing import override

HIDDEN = "[key]"
_SHORTEST = 8
"""A shorter value is no secret, and hiding it would garble what it is a part of."""


class Redactor:
    """Knows the keys, and takes them out of whatever is written or passed on.

    A key is known as JSON writes it too, and one of several lines by each of them. `keys` are
    all of these, as bytes, the longest first.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        whole = [*keys]
        forms = {*whole, *(json.dumps(key)[1:-1] for key in whole)}
        forms |= {line.strip() for key in whole for line in key.splitlines()}
        self._keys = sorted({key for key in forms if len(key) >= _SHORTEST}, key=len, reverse=True)
        self.keys = [key.encode("utf-8", "surrogateescape") for key in self._keys]

    def text(self, text: str) -> str:
        """The text without any key."""
        for key in self._keys:
            text = text.replace(key, HIDDEN)
        return text

    def data(self, data: bytes) -> bytes:
        """The bytes without any key; the same object where there is none."""
        for key in self.keys:
            if key in data:
                data = data.replace(key, HIDDEN.encode())
        return data

    def masked(self, data: bytes) -> bytes:
        """The same number of bytes without any key, so that an archive stays one."""
        for key in self.keys:
            if key in data:
                data = data.replace(key, b"*" * len(key))
        return data


class RedactingFormatter(logging.Formatter):
    """A log line, its traceback included, without any key."""

    def __init__(self, redactor: Redactor, formatter: logging.Formatter) -> None:
        super().__init__()
        self._redactor, self._formatter = redactor, formatter

    @override
    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(self._formatter.format(record))


def redact_logs(redactor: Redactor) -> None:
    """Hide keys in everything that this process logs from now on."""
    for handler in logging.getLogger().handlers:
        formatter = handler.formatter or logging.Formatter()
        handler.setFormatter(RedactingFormatter(redactor, formatter))
