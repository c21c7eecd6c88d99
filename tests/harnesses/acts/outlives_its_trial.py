"""Starts processes that would outlive its trial; MARK is in their command lines."""

import json
import os
import subprocess

MARK = ""


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    await globals()[word](environment)
    return word, 1


async def fine(environment):
    await environment.exec("cp /app/question.txt /app/answer.txt")


async def spins(environment):
    subprocess.Popen(["sleep", MARK], start_new_session=True)
    while True:
        pass


async def sleeps(environment):
    await fine(environment)
    await environment.exec(f"(setsid sleep {MARK} &); sleep {MARK}")


async def exits(environment):
    os._exit(0)


async def leaves_processes(environment):
    subprocess.Popen(["sleep", MARK], start_new_session=True)
    await environment.exec(f"(setsid nohup sleep {MARK} >/dev/null 2>&1 &)")
    await fine(environment)


async def looks_for_a_key(environment):
    if "sk-secret" not in json.dumps(dict(os.environ)):
        await fine(environment)
