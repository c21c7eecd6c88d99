"""Make docs/report.png: the top of the page of the demo's climb, in the machine's Chromium."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[1] / "docs/report.png"
SIZE = {"width": 960, "height": 1010}


def main() -> None:
    """Play the demo, draw its page, take the picture."""
    with tempfile.TemporaryDirectory() as place:
        keep = Path(place) / "demo"
        ours = [sys.executable, "-m", "autoagent"]
        subprocess.run([*ours, "demo", "--keep", str(keep)], check=True)
        env = os.environ | {"AUTOAGENT_STATE_DIR": str(keep / "state")}
        shown = ["report", "--html", "--workspace", str(keep / "workspace")]
        page = subprocess.run([*ours, *shown], env=env, check=True, capture_output=True, text=True)
        take(page.stdout, PICTURE)


def take(page: str, picture: Path) -> None:
    """Write the top of a page as PNG."""
    with sync_playwright() as playwright:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=root)
        tab = chromium.new_context(viewport=SIZE).new_page()  # pyright: ignore[reportArgumentType]
        tab.set_content(page)
        tab.screenshot(path=picture)
        chromium.close()


if __name__ == "__main__":
    main()
