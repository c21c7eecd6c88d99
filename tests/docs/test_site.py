"""The site that `make docs` builds: complete, whole, and nothing to ask the network for."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import tomli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OURS = re.compile(r"`((?:bench|examples|src|packaging|plugin|tests/\w+)/[\w./-]*\w)`")
LOADED = ("script", "img", "iframe", "source", "video", "audio", "embed", "object", "use", "image")
"""Elements whose address a browser asks for by itself; a `link` does where it is one of `RELS`."""
RELS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch"}
ADDRESS_IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?\s*([^\"')\s;]+)")


class Page(HTMLParser):
    """A page's anchors, what it links to, and what it has a browser load."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.lines: list[str] = []
        self._within: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADED:
            self.loads += [given[name] for name in ("src", "href", "xlink:href") if name in given]
        if tag == "link" and RELS & set(given.get("rel", "").split()):
            self.loads.append(given["href"])
        self.loads += ADDRESS_IN_CSS.findall(given.get("style", ""))
        self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._within:
            self.loads += ADDRESS_IN_CSS.findall(data)
        if "p" in self._within and "pre" not in self._within:
            self.lines += data.splitlines()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of this checkout, built strictly: a link that leads nowhere ends it."""
    return built_from(tmp_path_factory.mktemp("site"))


def built_from(place: Path) -> Path:
    """The site of this checkout's pages, built elsewhere: a checkout is only read."""
    shutil.copytree(DOCS, place / "docs")
    shutil.copy(ROOT / "zensical.toml", place)
    return built(place)


def built(place: Path) -> Path:
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "build/docs"


@pytest.fixture(scope="module")
def pages(site: Path) -> Mapping[Path, Page]:
    return {file: Page(file) for file in sorted(site.rglob("*.html"))}


def listed(nav: list[Any]) -> Iterator[str]:
    """The files that the navigation leads to."""
    for entry in nav:
        for leads in entry.values():
            yield from listed(leads) if isinstance(leads, list) else [leads]


def outside(address: str) -> bool:
    """Whether an address is another machine's."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def test_every_page_is_in_the_navigation_once_and_is_built(pages: Mapping[Path, Page]) -> None:
    named = [*listed(tomli.loads((ROOT / "zensical.toml").read_text())["project"]["nav"])]
    assert sorted(named) == sorted(file.name for file in DOCS.glob("*.md"))
    assert len(pages) == len(named) + 1  # 404.html


def test_every_link_inside_leads_to_a_page_and_its_anchor(
    site: Path, pages: Mapping[Path, Page]
) -> None:
    """The generator's own strict mode sees links between pages; this sees all of them."""
    followed, lost = 0, list[str]()
    for file, page in pages.items():
        if file.name == "404.html":  # it is served for any address
            continue
        for link in page.links + page.loads:
            if outside(link) or link.startswith("data:"):
                continue
            parts = urlsplit(link)
            there = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            there = there / "index.html" if there.is_dir() else there
            anchor = unquote(parts.fragment)
            followed += 1
            found = there.is_file() and there.is_relative_to(site)
            if not found or (anchor and anchor not in pages[there].anchors):
                lost.append(f"{file.relative_to(site)}: {link}")
    assert not lost
    assert followed > 1000


def test_nothing_that_a_page_loads_is_another_machines(
    site: Path, pages: Mapping[Path, Page]
) -> None:
    loads = {load for page in pages.values() for load in page.loads}
    for sheet in site.rglob("*.css"):
        loads |= {*ADDRESS_IN_CSS.findall(sheet.read_text())}
    assert {load for load in loads if outside(load)} == set()
    assert any(load.endswith(".js") for load in loads)


def test_what_is_a_list_where_the_files_are_shown_is_one_on_the_site(
    pages: Mapping[Path, Page],
) -> None:
    """Markdown differs: here a list needs an empty line before it."""
    found = {line for page in pages.values() for line in page.lines}
    assert not [line for line in found if re.match(r"\s*(-|\d+\.) [a-z`]|\s*\|.*\|\s*$", line)]


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# A page\n\n[lost](missing.md) [too](#missing)\n")
    with pytest.raises(AssertionError, match="2 issues found"):
        built(tmp_path)


def test_a_file_of_the_repository_that_a_page_names_is_there() -> None:
    """A page links to pages alone: the site has no other files."""
    for page in DOCS.glob("*.md"):
        text = page.read_text()
        assert "](../" not in text, page.name
        named = OURS.findall(text)
        assert not [name for name in named if not (ROOT / name).exists()], page.name


def test_what_runs_where_is_proven_by_something_that_is_there_or_said_to_be_unproven() -> None:
    """The versions of libraries are those of the lock as committed: `make newest` has another."""
    page = (DOCS / "compatibility.md").read_text()
    rows = [
        [cell.strip(" `") for cell in row.strip("|").split("|")]
        for row in re.findall(r"^\|.*\|$", page, re.M)
    ]
    shown = [row for row in rows if len(row) == 3 and row[-1] not in ("---", "proven by")]
    proof = re.compile(rf"CI, all of it|make test-313|unproven|refused|{OURS.pattern}")
    assert not [row for row in shown if not proof.search(f"`{row[-1]}`")]
    lock = subprocess.run(
        ["git", "show", "HEAD:requirements.lock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    locked = dict(re.findall(r"^([\w-]+)==(\S+)", lock, re.M))
    told = {row[0]: row[1] for row in shown if re.fullmatch(r"[\d.]+", row[1]) and row[0] in locked}
    assert told.keys() >= {"openai-agents", "openai", "anthropic"}
    assert told == {name: locked[name] for name in told}


def test_the_quick_start_is_the_readmes_which_a_test_plays() -> None:
    pages = (ROOT / "README.md", DOCS / "index.md")
    first, second = (re.findall(r"^```bash\n.*?^```$", p.read_text(), re.M | re.S) for p in pages)
    assert first[:2] == second[:2]


@pytest.mark.parametrize("page", ["good-tasks.md", "writing-program.md"])
def test_what_a_page_quotes_of_a_file_stands_there(page: str) -> None:
    """A file is named on a line of its own, and quoted until the next one is."""
    named = re.split(r"^`([\w./-]+)`:$", (DOCS / page).read_text(), flags=re.M)[1:]
    assert named
    for file, text in zip(named[::2], named[1::2], strict=True):
        shown = re.findall(r"^```(?:python|toml|text)\n(.*?)^```$", text, re.M | re.S)
        assert shown
        assert [part for part in shown if part not in (ROOT / file).read_text()] == []
