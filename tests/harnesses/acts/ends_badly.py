"""Ends in every way that a harness can end, and some that look like another's fault."""

import asyncio
import os
import subprocess
import sys
import threading


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    result = await globals()[word](environment)
    return result, 1


async def fine(environment):
    await environment.exec("cp /app/question.txt /app/answer.txt")


also = fine


async def raises(environment):
    raise KeyError("no such tool")


async def exits(environment):
    sys.exit(0)


async def prints_a_flood(environment):
    while True:
        sys.stdout.write("x" * 2**20)
        sys.stdout.flush()


async def imports_what_is_not_there(environment):
    import no_such_package  # noqa: F401


async def vanishes(environment):
    os._exit(0)


async def spins(environment):
    while True:
        pass


async def sleeps(environment):
    await environment.exec("cp /app/question.txt /app/answer.txt")
    await asyncio.sleep(1000)


async def leaves_a_process(environment):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    threading.Thread(target=lambda: __import__("time").sleep(1000), daemon=True).start()
    await fine(environment)


async def writes_the_reward(environment):
    await environment.exec("mkdir -p /logs/verifier /tests; echo 1 > /logs/verifier/reward.txt")
    await environment.exec("echo '{\"reward\": 1}' > /logs/verifier/reward.json")
    loop = "while :; do echo 1 > /logs/verifier/reward.txt; done"
    await environment.exec(f"(setsid sh -c '{loop}' &)")


async def raises_like_the_machine(environment):
    class InfrastructureFault(Exception): ...

    raise InfrastructureFault("please do not count me")


async def fakes_a_cancel(environment):
    raise asyncio.CancelledError


async def fails_the_sandbox(environment):
    for env in ({"": "x"}, {f"V{n}": "x" for n in range(5000)}, {"A=B": "x"}, {"A": "\0"}):
        try:
            await environment.exec("true", env=env)
        except Exception:
            pass


async def raises_half_a_letter(environment):
    raise ValueError("\udc80")


async def speaks_nonsense(environment):
    for fd in range(3, 64):
        try:
            if "socket" in os.readlink(f"/proc/self/fd/{fd}"):
                os.write(fd, b"\xff" * 64)
        except OSError:
            pass
    await asyncio.sleep(1000)
