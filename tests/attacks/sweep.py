"""What of the machine a trial may open for writing, looked at from inside; nothing is written.

As a script it prints one JSON object for whoever runs it: who a trial is outside, and what it may
write below /proc and /sys, in a task's environment and in a harness's own trial.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from autoagent.environments.sandbox import bubblewrap
from autoagent.environments.sandbox.outside import Outside

LOOK = """
import json, os
found = []
for top in ("/proc", "/sys"):
    for place, names, files in os.walk(top):
        for path in (os.path.join(place, name) for name in files):
            if not os.path.islink(path) and os.access(path, os.W_OK, effective_ids=True):
                found.append(path)
print(json.dumps({"user": open("/proc/self/uid_map").read().split(), "writable": found,
                  "settings": len(os.listdir("/proc/sys/kernel"))}))
"""
TRIAL = """
import os, sys
sys.path.insert(0, "/autoagent")
from autoagent.environments.sandbox.inside import namespaces
namespaces.enter()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
namespaces.private_files()
namespaces.drop_capabilities()
"""


def task(outside: Outside, proc: list[str]) -> dict[str, Any]:
    """In an environment of a task's that has this /proc."""
    etc = ["--tmpfs", "/etc", *bubblewrap.environment_binds(outside)]
    options = [*bubblewrap.system_binds(), *etc, *proc, "--dev", "/dev"]
    options += bubblewrap.setting(bubblewrap.environment_variables())
    return said([*outside.starting(options), "python3", "-I", "-S", "-c", LOOK])


def trial(outside: Outside) -> dict[str, Any]:
    """In a harness's own trial."""
    sandbox = bubblewrap.harness_sandbox(outside, bubblewrap.INSIDE, Path("/etc"), {})
    return said([*sandbox, sys.executable, "-I", "-S", "-B", "-c", TRIAL + LOOK])


def said(command: list[str]) -> dict[str, Any]:
    """What a command printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        outside = Outside.of(Path(place))
        found = {"task": task(outside, bubblewrap.proc()), "trial": trial(outside)}
        sys.stdout.write(json.dumps(found))
