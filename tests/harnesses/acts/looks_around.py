"""Writes down what a harness sees of the machine, and what it may change."""

import json
import os
import socket
from pathlib import Path

HOST_HOME = ""


async def run_task(environment, instruction):
    seen = {
        "files": sorted(p.name for p in Path("/harness").iterdir()),
        "root": sorted(os.listdir("/")),
        "env": sorted(os.environ),
        "processes": sorted(p for p in os.listdir("/proc") if p.isdigit()),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "caps": [s.split()[1] for s in open("/proc/self/status") if s.startswith("CapEff")],
        "scratch": sorted(os.listdir("/scratch")),
        "home": os.path.expanduser("~"),
        "tests": await environment.is_dir("/tests/x") or os.path.exists("/tests"),
    }
    for name, attempt in {
        "userns": lambda: os.unshare(os.CLONE_NEWUSER),
        "write_root": lambda: Path("/planted").write_text("x"),
        "write_harness": lambda: Path(__file__).write_text("x"),
        "ssh": lambda: os.listdir(HOST_HOME + "/.ssh"),
    }.items():
        try:
            attempt()
            seen[name] = "done"
        except OSError:
            seen[name] = "refused"
    Path("/scratch/logs/seen.json").write_text(json.dumps(seen))
    Path("/scratch/left-behind").write_text("x")
    await environment.exec("cp /app/question.txt /app/answer.txt")
    return "", 1
