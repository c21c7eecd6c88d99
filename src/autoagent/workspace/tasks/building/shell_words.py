"""Variables and quotes in a Dockerfile's arguments, by Docker's rules: pure.

`$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}`, `${NAME:+word}` and `${NAME+word}` are
replaced; single quotes protect them, a backslash protects one character. A value that was
put in is never split or expanded again.
"""

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]")


class Unsupported(ValueError):
    """An instruction that cannot be replayed faithfully; its text says which and why."""


def expand(text: str, variables: Mapping[str, str], *, quoted: bool = False) -> str:
    """One argument: quotes removed, variables put in, spaces kept.

    Args:
        text: The argument as written.
        variables: What is defined; anything else is empty.
        quoted: Whether quotes and backslashes are already gone (the JSON form).
    """
    scanner = _Scanner(text, variables)
    return scanner.verbatim() if quoted else " ".join(scanner.words(split=False))


def words(text: str, variables: Mapping[str, str]) -> list[str]:
    """An argument list: split at unquoted spaces, then as `expand`."""
    return _Scanner(text, variables).words(split=True)


class _Scanner:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._text, self._variables, self._at = text, variables, 0

    def words(self, *, split: bool) -> list[str]:
        found: list[str] = []
        word: list[str] | None = None  # None between words: "" is a word, a space is not
        quote = ""
        while self._at < len(self._text):
            char = self._next()
            if not quote and split and char.isspace():
                if word is not None:
                    found.append("".join(word))
                word = None
                continue
            word = [] if word is None else word
            if char == quote:
                quote = ""
            elif quote == "'":
                word.append(char)
            elif char == "\\":
                word.append(self._escaped(quote))
            elif char == "$":
                word.append(self._variable())
            elif not quote and char in "'\"":
                quote = char
            else:
                word.append(char)
        if quote:
            raise Unsupported(f"{self._text[:60]!r} has a quote that is never closed.")
        return found if word is None else [*found, "".join(word)]

    def verbatim(self) -> str:
        found: list[str] = []
        while self._at < len(self._text):
            char = self._next()
            found.append(self._variable() if char == "$" else char)
        return "".join(found)

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _escaped(self, quote: str) -> str:
        if self._at == len(self._text):
            return "\\"
        char = self._next()
        return char if not quote or char in '"$\\' else "\\" + char

    def _variable(self) -> str:
        if self._text.startswith("{", self._at):
            return self._braced()
        match = _NAME.match(self._text, self._at)
        if match is None:
            return "$"
        self._at = match.end()
        return self._variables.get(match.group(), "")

    def _braced(self) -> str:
        start = self._at - 1
        match = _NAME.match(self._text, self._at + 1)
        if match is None:
            raise Unsupported(f"{self._text[start : start + 40]!r} is not a variable.")
        value = self._variables.get(match.group())
        self._at = match.end()
        operator = re.compile(r":?[-+]|").match(self._text, self._at)
        chosen = operator.group() if operator else ""
        self._at += len(chosen)
        inner_start, depth = self._at, 1
        while depth:
            if self._at == len(self._text):
                raise Unsupported(f"{self._text[start : start + 40]!r} has no closing brace.")
            char = self._next()
            depth += (char == "{") - (char == "}")
        inner = self._text[inner_start : self._at - 1]
        if not chosen:
            if inner:
                raise Unsupported(f"{self._text[start : self._at]!r} uses a form not supported.")
            return value or ""
        present = bool(value) if chosen.startswith(":") else value is not None
        if chosen.endswith("-"):
            return value or "" if present else expand(inner, self._variables)
        return expand(inner, self._variables) if present else ""
