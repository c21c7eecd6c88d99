"""Works, installs and attacks in a container."""

import asyncio
from pathlib import Path


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    await globals()[word](environment)
    await environment.exec("cp /app/question.txt /app/answer.txt")
    return "", 1


async def works(environment):
    for _ in range(5):
        assert (await environment.exec("id -u; echo out >&2")).stdout == "0\nout\n"
    Path("up.txt").write_text("up")
    await environment.upload_file("up.txt", "/deep/er/up.txt")
    await environment.download_file("/deep/er/up.txt", "down.txt")
    assert Path("down.txt").read_text() == "up"
    assert await environment.is_dir("/deep/er") and not await environment.is_file("/deep/no")


async def installs(environment):
    """As a package manager does: new commands, a new library, the loader's cache."""
    await environment.exec(
        "cp /bin/true /usr/bin/newtool; cp /bin/true /usr/local/bin/other; mkdir -p /usr/lib/new; "
        "cp /bin/true /usr/lib/new/libnew.so; ldconfig"
    )


async def cannot_reach_out(environment):
    done = await environment.exec("ls /sys/class/net; ls -A /tests /solution 2>&1")
    assert done.stdout.split()[0] == "lo" and "test.sh" not in done.stdout, done.stdout


async def forges_the_reward(environment):
    await environment.exec("mkdir -p /logs/verifier; echo 1 >/logs/verifier/reward.txt")
    await environment.exec("echo '{\"reward\": 1}' >/logs/verifier/reward.json; exit 1")
    await environment.exec("rm /app/question.txt; echo wrong >/app/question.txt")


async def leaves_a_daemon(environment):
    loop = "while :; do echo 1 >/logs/verifier/reward.txt; done"
    await environment.exec(f"setsid sh -c '{loop}' >/dev/null 2>&1 &")
    await environment.exec("rm /app/question.txt; echo wrong >/app/question.txt")


async def plants_tests(environment):
    await environment.exec("mkdir -p /tests; touch /tests/conftest.py /logs/verifier/left")


async def replaces_cat(environment):
    await environment.exec("printf '#!/bin/sh\necho x\n' >/usr/bin/cat")


async def shadows_cat(environment):
    await environment.exec("cp /bin/true /usr/local/sbin/cat")


async def preloads(environment):
    await environment.exec("touch /etc/ld.so.preload")


async def customizes(environment):
    await environment.exec(
        "mkdir -p /usr/lib/python3/dist-packages; "
        "touch /usr/lib/python3/dist-packages/sitecustomize.py"
    )


async def links_its_answer(environment):
    await environment.exec("ln -s /tests/test.sh /app/answer.txt")


async def is_interrupted(environment):
    try:
        await environment.exec("setsid sleep 1000 & sleep 1000", timeout_sec=1)
    except RuntimeError as error:
        assert "timed out" in str(error)
    left = await environment.exec("ps ax | grep -c '[s]leep 1000'")
    assert left.stdout.strip() == "0", left.stdout


async def waits_for_a_hand(environment):
    while not await environment.is_file("/foreign"):
        await asyncio.sleep(0.1)
