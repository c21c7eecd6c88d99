"""A container's own layer says what the daemon's comparison says, and much sooner."""

from typing import Any

import pytest

from autoagent.environments.docker.container import Container
from autoagent.environments.docker.labels import labels_for
from autoagent.environments.docker.layers import changes_of
from autoagent.environments.docker.tampering import Change

WORK = """
echo new >/usr/bin/newtool; echo other >/etc/passwd; rm /usr/bin/diff
mkdir -p /opt/a/b; touch /opt/a/b/c
rm -r /usr/share/doc; mkdir /usr/share/doc; touch /usr/share/doc/only
ln -s /etc/passwd /opt/link; rm -r /srv; ln -s /tmp /srv; chmod 700 /bin/sed
"""


def test_the_layer_and_the_daemon_tell_the_same_changes(daemon: Any, rootfs: str) -> None:
    image = daemon.images.get(rootfs).id
    container = Container(image, labels_for("state", "layers"), {"network_mode": "none"})
    try:
        container.start()
        done = daemon.containers.get(container.id).exec_run(["/bin/bash", "-ec", WORK])
        assert done.exit_code == 0, done.output
        container.kill()
        driver = daemon.api.inspect_container(container.id)["GraphDriver"]
        own = changes_of(driver)
        told = {Change(one["Path"], one["Kind"]) for one in daemon.api.diff(container.id)}
    finally:
        container.remove()
    if own is None:
        pytest.skip("the container's layer is not readable by this user")
    directories = {change for change in told - set(own) if change.kind == 0}
    parents = {change.path for change in directories}
    assert set(own) <= told | {Change("/usr/share/doc", 2)}
    replaced = "/usr/share/doc/"
    missing = {c for c in told - set(own) - directories if not c.path.startswith(replaced)}
    assert missing == set()
    assert "/usr/bin" in parents and "/usr/bin/sed" not in parents
    assert {
        Change("/usr/bin/diff", 2),
        Change("/etc/passwd", 0),
        Change("/usr/bin/newtool", 1),
    } <= {*own}
