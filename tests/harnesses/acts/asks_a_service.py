"""Plants links in its log directories, and asks the service beside it."""

import asyncio


async def run_task(environment, instruction):
    places = "/logs/agent /logs/artifacts /logs/verifier"
    planted = await environment.exec(
        f"for place in {places}; do ln -s /etc/passwd $place/link || exit 1; done"
    )
    assert planted.return_code == 0
    done = None
    for _ in range(100):
        done = await environment.exec("curl -sf http://answers:8000/answer >/app/answer.txt")
        if done.return_code == 0:
            return "", 1
        await environment.exec("cp /app/question.txt /app/answer.txt")
        if (await environment.exec("getent hosts answers")).return_code:
            return "", 1
        await asyncio.sleep(0.2)
    raise TimeoutError(done)
