"""Looks for what its task.toml and its Dockerfile asked for."""


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    await globals()[word](environment)
    await environment.exec("cp /app/question.txt /app/answer.txt")
    return "", 1


async def said(environment, command, **how):
    done = await environment.exec(command, **how)
    return f"{done.stdout}{done.stderr}".strip()


async def is_verified_elsewhere(environment):
    await environment.exec("echo out >/logs/artifacts/made.txt; touch /app/undeclared")


async def becomes_healthy(environment):
    assert await said(environment, "ls /run/up; ps ax | grep -c '[s]leep 4343'") == "/run/up\n1"


async def rewrites_the_entry(environment):
    forge = 'while :; do echo 1 >/logs/verifier/reward.txt; done & exec "$@"'
    done = await environment.exec(f"printf '#!/bin/sh\n%s\n' '{forge}' >/entry; sh -n /entry")
    assert done.return_code == 0
    await environment.exec("rm /app/question.txt; echo wrong >/app/question.txt")


async def never_becomes_healthy(environment):
    raise AssertionError("the harness does not run")


async def has_users(environment):
    assert await said(environment, "id -un") == "worker"
    assert await said(environment, "id -un", user="root") == "root"


async def has_the_images_user(environment):
    assert await said(environment, "id -un") == "imaged"


async def has_a_place_and_variables(environment):
    assert await said(environment, "pwd; echo $WORD $OTHER") == "/srv/place\ntold there"
    assert await said(environment, "pwd; echo $WORD", cwd="/tmp", env={"WORD": "x"}) == "/tmp\nx"


async def is_bounded(environment):
    found = await said(environment, "/usr/local/bin/bounds")
    assert found == "536870912 1.0 1024", found
