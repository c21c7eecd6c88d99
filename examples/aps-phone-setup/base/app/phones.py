"""How the facts of a phone desk are written, beside those that every desk has (`form.py`)."""

import re

from form import QUOTES, Kind, money, whole

MENUS = (
    "settings",
    "access point names",
    "access point names, entry aps",
    "add data plan",
    "add esim",
    "add sim",
    "advanced",
    "cellular",
    "cellular data network",
    "cellular data options",
    "connections",
    "data roaming",
    "enter details manually",
    "mobile data",
    "mobile data network",
    "mobile data options",
    "mobile network",
    "mobile networks",
    "network & internet",
    "roaming",
    "set up an esim",
    "sim manager",
    "sims",
    "use qr code",
)
"""All that a guide names. Which of them, and in which order, is for the guide to say."""
BETWEEN = (
    "go|to|open|tap|press|touch|click|select|choose|pick|turn|switch|then|and|next|after|that|finally|"
    r"first|last|step|\d+|the|your|a|on|into|app|menu|screen|page|button|option|apns?|phone"
)
"""What may stand between menus, and does not say that one of them is not meant."""
EMPTY = "-|–|—|none|null|n/a|empty|blank|nothing|not (?:set|needed|required|used)"


def _normal(text: str) -> str:
    """Letters and digits, one blank between words, whatever the punctuation."""
    text = text.lower().replace("&", " and ").replace("e-sim", "esim")
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


_NAMES = {_normal(name): name for name in MENUS}
_NAME = re.compile(rf"\b(?:{'|'.join(sorted(_NAMES, key=len, reverse=True))})\b")


def _menus(text: str) -> list[str]:
    said = re.sub(r"^(?:under|in|via|through)\b", "", _normal(text))
    around = re.sub(rf"\b(?:{BETWEEN})\b| ", "", _NAME.sub(" ", said))
    found = [_NAMES[name] for name in _NAME.findall(said)]
    if around or not found or re.search("[<←‹«]", text):
        raise ValueError
    return found


def _typed(text: str) -> str:
    said = text.strip(QUOTES)
    if re.fullmatch(rf"(?:(?:leave|left|stays?) )?(?:it |them )?(?:{EMPTY})", said.lower()):
        return "none"
    if not said or re.search(r"\s", said):
        raise ValueError
    return said


def _plain(text: str) -> str:
    return " ".join(re.sub("[()]", " ", text.lower()).strip(QUOTES).split())


def _version(text: str) -> str:
    found = re.fullmatch(
        r"(?:from |at least |(?:>=|≥) ?)?(?:(android|ios|one ?ui) )?(?:version |v)?(\d+)(?:\.0)*"
        r"(?: ?\+| (?:and|or) (?:later|newer|higher|greater|above|up)| on(?:wards)?| upwards)?",
        _plain(text),
    )
    if found is None:
        raise ValueError
    system = (found[1] or "").replace(" ", "")
    return f"{system} {int(found[2])}".strip()


def _time(text: str) -> str:
    said = re.sub(r"([ap])\.m\b\.?", r"\1m", _plain(text))
    found = re.fullmatch(
        r"(?:(?:today|by|until|till|at),? )*(\d\d?)(?:[:.h](\d\d))?(?::00)?"
        r" ?(am|pm|(?:in the|this) evening)?(?:o'clock|h|hours|uhr)?(?:,? today)?",
        said,
    )
    if found is None:
        raise ValueError
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3] or ""
    if not half and (len(found[1]) == 1 or (hour < 13 and found[2] is None)):
        raise ValueError  # 6:00 is in the morning or in the evening
    if hour not in (range(1, 13) if half else range(24)) or minute > 59:
        raise ValueError
    hour = hour % 12 + 12 * (half != "am") if half else hour
    return f"{hour:02}:{minute:02}"


def _a_day(text: str) -> str:
    return money.read(
        re.sub(r"\s*(?:(?:/|\bper\b|\ba\b|\bevery\b)\s*day|\bdaily)\b", "", text.lower())
    )


def _zone(text: str) -> int:
    return whole("zone").read(re.sub(r"^zone\b", "", _plain(text)))


menus = Kind(
    "the menus in their order, all that the guide has and no others, such as Settings > Wi-Fi",
    _menus,
)
typed = Kind("as it is typed in, capitals too, or none where nothing is", _typed)
version = Kind("the number of a version, such as 9", _version)
time = Kind("a time of day, such as 09:30", _time)
per_day = Kind("an amount of money a day, such as 4.50", _a_day)
zone = Kind("a zone's number, such as 7", _zone)
