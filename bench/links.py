"""Ask the links of README and docs that lead to other machines.

    .venv/bin/python bench/links.py [ADDRESS ...]

Says of each whether it answers, answers that there is nothing, or could not be reached from here,
which says nothing about the link. Exit code 1 where there is nothing. Links between pages are
checked by `make docs`.
"""

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\((https?://[^)\s]+)\)")
GONE = (404, 410)


def links() -> Iterator[str]:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("tasks/*.md")):
        yield from LINK.findall(page.read_text())


def asked(address: str) -> tuple[str, str]:
    """What became of an address: there, gone or not reached; and why."""
    try:
        found = httpx2.get(address, follow_redirects=True, timeout=20)
    except httpx2.HTTPError as error:
        return "not reached", f"{type(error).__name__}: {error}"
    if found.status_code in GONE:
        return "gone", str(found.status_code)
    return ("there" if found.is_success else "not reached"), str(found.status_code)


def main() -> int:
    addresses = sorted({*(sys.argv[1:] or links())})
    with ThreadPoolExecutor(8) as pool:
        found = [*zip(addresses, pool.map(asked, addresses), strict=True)]
    for address, (what, why) in found:
        print(f"{what:12}{address}  {why}")
    counts = {what: sum(one == what for _, (one, _) in found)
              for what in ("there", "gone", "not reached")}  # fmt: skip
    print(", ".join(f"{number} {what}" for what, number in counts.items()))
    return 1 if counts["gone"] else 0


if __name__ == "__main__":
    sys.exit(main())
