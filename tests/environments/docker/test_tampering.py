"""What a container's changes say of its candidate; no daemon is needed to read them."""

import pytest

from autoagent.environments.steering import ADDED, DELETED, MODIFIED, Change, judge

PATH = ("/opt/venv/bin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "")
LIBRARY = "/opt/venv/lib/python3.11/site-packages"


def said_of(*changes: Change) -> str | None:
    return judge(changes, PATH, "/app", {"/usr/bin/cat", "/bin/docker-init"}.__contains__)


@pytest.mark.parametrize(
    "change",
    [
        Change("/opt/venv/bin/pytest", MODIFIED),
        Change("/opt/venv/bin/pytest", DELETED),
        Change(f"{LIBRARY}/pytest/__init__.py", MODIFIED),
        Change("/usr/bin/cat", MODIFIED),
        Change("/opt/venv/bin/cat", ADDED),
    ],
)
def test_a_command_or_library_that_was_on_the_path_is_the_systems_wherever_it_is(
    change: Change,
) -> None:
    assert change.path in (said_of(change) or "")


def test_what_is_new_on_the_path_and_beside_it_is_honest() -> None:
    assert not said_of(
        Change("/opt", MODIFIED),
        Change("/opt/venv", MODIFIED),
        Change("/opt/venv/bin", MODIFIED),
        Change("/opt/venv/bin/newtool", ADDED),
        Change(f"{LIBRARY}/new.py", ADDED),
        Change("/opt/data/table.csv", MODIFIED),
        Change("/app/bin/cat", MODIFIED),
        Change("/sbin/docker-init", ADDED),
        Change("/usr/sbin/docker-init", ADDED),
    )
