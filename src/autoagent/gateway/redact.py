"""Keys never leave the worker: not in a log, an error, a record, or an answer to the harness."""

import logging
from collections.abc import Iterable
from typing import override

HIDDEN = "[key]"
_SHORTEST = 8
"""A shorter value is no secret, and hiding it would garble what it is a part of."""


class Redactor:
    """Knows the keys, and takes them out of whatever is written or passed on."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = sorted({key for key in keys if len(key) >= _SHORTEST}, key=len, reverse=True)
        self._bytes = [key.encode() for key in self._keys]

    def text(self, text: str) -> str:
        """The text without any key."""
        for key in self._keys:
            text = text.replace(key, HIDDEN)
        return text

    def data(self, data: bytes) -> bytes:
        """The bytes without any key; the same object where there is none."""
        for key in self._bytes:
            if key in data:
                data = data.replace(key, HIDDEN.encode())
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
