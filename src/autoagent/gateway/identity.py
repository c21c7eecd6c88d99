"""Whether the model that answered is the one that was asked, as far as names tell.

Two names are one model where they agree, but for what says nothing of it: case, `-latest`, the
stand-in's ending (told elsewhere), a date that only one of them has (`gpt-4o-mini` is answered by
its snapshot `gpt-4o-mini-2024-07-18`), and providers or directories in front that only one of them
has (`openai/gpt-4o`). Two dates are two models, and so are two organizations. A name is the
provider's word: it proves nothing where it agrees.
"""

import re
from collections.abc import Iterable

from autoagent.evidence.untrusted import one_line
from autoagent.gateway.providers import DATE
from autoagent.records import STAND_IN_ENDING

_DATED = re.compile(rf"(.*?)(?:{DATE})?")
_SHOWN = 80


def same(asked: str, answered: str) -> bool:
    """Whether both names are of one model, as far as names tell; it does not matter which is which.

    An answer that names nothing is nobody else's.
    """
    if not asked or not answered:
        return True
    (name, date), (other, another) = _parts(asked), _parts(answered)
    shorter, longer = sorted((name.split("/"), other.split("/")), key=len)
    return longer[-len(shorter) :] == shorter and (not date or not another or date == another)


def troubles(answers: Iterable[tuple[str, str]]) -> list[str]:
    """What to look at in a climb's answers, a sentence each: another model, or one that changed.

    Args:
        answers: The name that was asked and the name that answered, as they were first seen.
    """
    found: list[str] = []
    dates: dict[str, list[str]] = {}
    for asked, answered in dict.fromkeys(answers):
        if not same(asked, answered):
            found.append(f"{_shown(asked)} was asked and {_shown(answered)} answered")
        elif date := _parts(answered)[1]:
            known = dates.setdefault(_parts(asked)[0], [])
            known += [date] if date not in known else []
    found += [
        f"the answers of {_shown(name)} changed in mid-climb, from its snapshot of "
        f"{' to that of '.join(seen)}"
        for name, seen in dates.items()
        if len(seen) > 1
    ]
    return found


def _parts(name: str) -> tuple[str, str]:
    """A name without what says nothing, and the digits of its date."""
    plain = name.strip().casefold().removesuffix(STAND_IN_ENDING).removesuffix("-latest")
    found = _DATED.fullmatch(plain)
    if found is None:  # of several lines
        return plain, ""
    return found[1], (found[2] or "").replace("-", "")


def _shown(name: str) -> str:
    return one_line(name, _SHOWN)
