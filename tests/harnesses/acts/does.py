"""Runs one command."""

WORK = ""


async def run_task(environment, instruction):
    done = await environment.exec(WORK)
    return done.stdout, 1
