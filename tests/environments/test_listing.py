"""A listing by `find` and `ls` is read as it was meant, whatever a file is called."""

import pytest

from autoagent.environments.tampering import listing
from autoagent.environments.tampering.leftovers import Leftover
from autoagent.environments.tampering.listing import END, listed, tampering

GNU = """\
lrwxrwxrwx 1 0 0     7 Nov 27 01:17 /bin -> usr/bin
lrwxrwxrwx 1 1000 1000 18 Nov 27  2024 /app/a b -> /tests/expected.txt
prw-r--r-- 1 0 0     0 Nov 27 01:17 /app/pipe
srwxr-xr-x 1 0 0     0 Nov 27 01:17 /run/x.sock
brw-rw---- 1 0 6  8, 0 Nov 27 01:17 /srv/disk
lrwxrwxrwx 1 0 0    17 Nov 27 01:17 /app/one
lrwxrwxrwx nothing -> /tests
"""
BUSYBOX = """\
lrwxrwxrwx    1 0        0               12 Feb 13  2026 /app/sh -> /bin/busybox
crw-rw-rw-    1 0        0           1,   3 Feb 13 10:00 /app/null
"""


def test_links_pipes_sockets_and_devices_are_told_as_gnu_and_busybox_print_them() -> None:
    found = listed(f"{GNU}{BUSYBOX}\n{END}\n")
    assert found is not None
    assert {path: (left.kind, left.text) for path, left in found.items()} == {
        "/bin": ("link", "usr/bin"),
        "/app/a b": ("link", "/tests/expected.txt"),
        "/app/pipe": ("pipe", ""),
        "/run/x.sock": ("socket", ""),
        "/srv/disk": ("device", ""),
        "/app/one\nlrwxrwxrwx nothing": ("link", "/tests"),
        "/app/sh": ("link", "/bin/busybox"),
        "/app/null": ("device", ""),
    }


def test_a_listing_that_did_not_come_to_its_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert listed("") is None
    assert listed(GNU) is None
    assert listed(f"\n{END}\n") == {}
    monkeypatch.setattr(listing, "LISTING_LIMIT", 100)
    assert listed(f"{GNU}\n{END}\n") is None


def test_what_was_there_before_is_honest_and_a_listing_that_fails_later_is_not() -> None:
    image = {"/app/x": Leftover("/app/x", "link", "/tests/x")}
    assert tampering(image, image) is None
    new = {**image, "/app/y": Leftover("/app/y", "link", "x")}
    assert (tampering(image, new) or "").startswith("/app/y is a link that leads to /tests")
    assert "can no more be listed" in (tampering(image, None) or "")
