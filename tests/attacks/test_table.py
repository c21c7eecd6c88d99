"""The table of docs/threat-model.md is the suite's own."""

import subprocess
import sys
from pathlib import Path


def test_the_threat_model_lists_the_attacks_that_there_are() -> None:
    """Every row has an attack, every id is used once; collected by another process."""
    script = Path(__file__).parent / "table.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
