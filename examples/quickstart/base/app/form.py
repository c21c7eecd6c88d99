"""How the facts of a reply are written: many honest forms are read, and one of each is kept.

A kind says what it expects and reads it. What could mean two things is refused with the form that
cannot, so that nobody's fact is taken for another.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

MONTHS = ("january", "february", "march", "april", "may", "june", "july")
MONTHS += ("august", "september", "october", "november", "december")
UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
UNITS += ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen")
UNITS += ("eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
CURRENCY = r"[€$£]|(?<![a-z])(?:eur|usd|gbp|euros?|dollars?|pounds?)(?![a-z])"
BETWEEN = r"\s*(?:->|=>|[,;+&>|/→›»]|\band\b|\bthen\b|\n)+\s*"
WEEKDAYS = r"(?:mon|tue(?:s)?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
ARTICLES = "the|an?|its|their|your"
AROUND = "the|a|your|our|new|its?|is|number|id|ticket|order|code|call|dial"
NAMED = {name: number for number, name in enumerate(UNITS)}
NAMED |= {ten: 10 * number for number, ten in enumerate(TENS, 2)}
NAMED |= {f"{ten} {UNITS[unit]}": NAMED[ten] + unit for ten in TENS for unit in range(1, 10)}
QUOTES = " \t\n\"'`*_[](){}."


class Kind(NamedTuple):
    """What a fact is: what is expected, in a few words, and how it is read, or a ValueError."""

    expects: str
    read: Callable[[str], Any]


def whole(unit: str) -> Kind:
    """A whole number, perhaps with its unit: `12`, `12 credits each`, `1,000`, `thirty-five`."""

    def read(text: str) -> int:
        said = re.sub(r"\s*\b(?:each|(?:per|a|for each|for one) photo|left)$", "", _plain(text))
        said = re.sub(rf"\s*\b{unit}s?$", "", said)
        if (words := said.replace("-", " ")) in NAMED:
            return NAMED[words]
        found = re.fullmatch(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.0+)?", said)
        return int(_group(found).replace(",", ""))

    return Kind(f"a whole number of {unit}s, such as 3 or 0", read)


def _money(text: str) -> str:
    said = re.sub(rf"{CURRENCY}|\s*\bback$", "", _plain(text)).strip()
    found = re.fullmatch(r"(\d+(?:[.,]\d{1,2})?|\d{1,3}(?:,\d{3})+(?:\.\d\d)?)", said)
    whole_part, _, cents = re.sub(r",(?=\d{3})", "", _group(found)).replace(",", ".").partition(".")
    return f"{int(whole_part)}.{cents:0<2}"


def _day(text: str) -> str:
    said = re.sub(rf"^(?:until|till)\b|\b(?:the|of|on|{WEEKDAYS})\b|[,()]", " ", _plain(text))
    said = re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", said.partition("t00:")[0])
    words = [word for word in re.split(r"[\s./-]+", said) if word]
    if len(words) != 3:
        raise ValueError
    named = [i for i, word in enumerate(words) if word.isalpha()]
    if len(words[0]) == 4 and words[0].isdigit():
        year, month, day = words
    elif named == [0]:
        month, day, year = words
    else:
        day, month, year = words
        if not named and "." not in said and int(day) <= 12 and day != month:
            if int(month) <= 12:
                raise ValueError  # 3/4/2026 is a day in March or in April
            day, month = month, day
    if month.isalpha():
        (number,) = [i for i, name in enumerate(MONTHS, 1) if name.startswith(month) and month[2:]]
    else:
        number = int(month)
    if len(year) != 4:
        raise ValueError
    return date(int(year), number, int(day)).isoformat()


money = Kind("an amount of money, such as 4.50", _money)
day = Kind("a date, such as 2025-01-31", _day)


def one_of(*choices: str) -> Kind:
    """One of these words; `jpeg|jpg` is one with another spelling."""
    kept = {_name(spelt): choice.split("|")[0] for choice in choices for spelt in choice.split("|")}

    def read(text: str) -> str:
        if (name := _name(text)) not in kept:
            raise ValueError
        return kept[name]

    return Kind(f"one of {', '.join(dict.fromkeys(kept.values()))}", read)


def several(*choices: str) -> Kind:
    """Some of these words, in the order in which they are written."""
    expects, read_one = one_of(*choices)

    def read(text: str) -> list[str]:
        parts = [part for part in re.split(rf"{BETWEEN}|\bor\b", text.lower()) if _name(part)]
        try:
            return [read_one(part) for part in parts]
        except ValueError:
            (alone,) = parts
            return [read_one(word) for word in alone.split()]

    return Kind(f"{expects.replace('one of', 'one or more of')}, with commas between", read)


def number_like(pattern: str, example: str) -> Kind:
    """The number of something, such as a ticket's, in capitals; what it is may stand around it."""

    def read(text: str) -> str:
        numbers = re.compile(rf"(?i)(?<![\w-]){pattern}(?![\w-])")
        (found,) = {found.upper() for found in numbers.findall(text)}
        if re.sub(rf"(?i)\b(?:{AROUND})\b|[\W_]", "", numbers.sub(" ", text)):
            raise ValueError  # "not T-4101"
        return found

    return Kind(f"a number like {example}", read)


def exact(example: str) -> Kind:
    """Something that is typed in as it stands, without regard to capitals."""

    def read(text: str) -> str:
        said = text.strip(QUOTES).lower()
        if not said or re.search(r"\s", said):
            raise ValueError
        return said

    return Kind(f"as it is typed in, such as {example}", read)


def _plain(text: str) -> str:
    return " ".join(text.lower().strip(QUOTES).split())


def _name(text: str) -> str:
    """A word of a choice, however it is put together: `use wifi`, `Use Wi-Fi` and `use-wifi`."""
    return re.sub(rf"^(?:{ARTICLES})\s|[\s_-]+", "", text.lower().strip(QUOTES))


def _group(found: re.Match[str] | None) -> str:
    if found is None:
        raise ValueError
    return found[1]
