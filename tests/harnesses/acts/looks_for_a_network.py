"""Finds a network where its instruction says so."""


async def run_task(environment, instruction):
    done = await environment.exec("ls /sys/class/net")
    assert ("eth0" in done.stdout) == ("has_one" in instruction), done.stdout
    return "", 1
