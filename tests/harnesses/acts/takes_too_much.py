"""Takes processes, memory and disk until something refuses."""

import os
import time
from pathlib import Path


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    await globals()[word](environment)
    await environment.exec("cp /app/question.txt /app/answer.txt")
    return "", 1


async def fine(environment):
    for _ in range(4):
        await environment.exec("sleep 0.5")


async def forks(environment):
    """Children that wait; the first refusal is told, and no child outlives the trial."""
    for count in range(3000):
        try:
            if os.fork() == 0:
                time.sleep(1000)
                os._exit(0)
        except OSError as refused:
            await environment.exec(f"echo {count} {refused.strerror} >/app/forks.txt")
            raise
    raise AssertionError("3000 processes")


async def remembers(environment):
    hoard = []
    while True:
        hoard.append(b"x" * (64 << 20))


async def shared_memory(environment):
    for number in range(100):
        with open(f"/dev/shm/{number}", "wb") as file:
            file.write(b"x" * (8 << 20))


async def task_forks(environment):
    Path("bomb.py").write_text("""import os, time
for count in range(4000):
    try:
        os.fork() or time.sleep(1000)
    except OSError as refused:
        os._exit(print(count, refused.strerror, flush=True) or 1)
""")
    await environment.upload_file("bomb.py", "/app/bomb.py")
    done = await environment.exec("python3 /app/bomb.py")
    raise AssertionError(done.stdout)


async def task_remembers(environment):
    done = await environment.exec("head -c 1G /dev/zero | tail")
    raise AssertionError(f"exit {done.return_code}")


async def fills_the_disk(environment):
    done = await environment.exec(
        "for n in $(seq 2000); do head -c 16777216 /dev/zero >/app/fill$n || break; done"
    )
    raise AssertionError(f"filled {done}")


async def uploads_the_disk_full(environment):
    Path("one").write_bytes(b"x" * (16 << 20))
    for number in range(100):
        await environment.upload_file("one", f"/app/fill{number}")
    raise AssertionError("filled")
