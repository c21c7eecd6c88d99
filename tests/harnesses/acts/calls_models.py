"""Calls its model, other models and the internet, as often as it can, and looks for the key."""

import glob
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

PROVIDER_PORT = 0


def ask(body, path="/responses", base=None):
    url = (base or os.environ["OPENAI_BASE_URL"]) + path
    key = os.environ["OPENAI_API_KEY"]
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def call(**more):
    return ask({"model": "gpt-5", "input": "hi", "max_output_tokens": 100, **more})


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    said = await globals()[word](environment)
    Path("/scratch/logs/said.json").write_text(json.dumps(said))
    return said, 1


async def solve(environment):
    await environment.exec("cp /app/question.txt /app/answer.txt")


async def asks_its_model(environment):
    status, answer = call()
    if status == 200:
        await solve(environment)
    return [status, answer]


async def asks_by_sdk(environment):
    import openai

    client = openai.AsyncOpenAI()
    answer = await client.chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": "hi"}], max_completion_tokens=50
    )
    try:
        await client.responses.create(model="gpt-5-mini", input="hi")
        other = "answered"
    except openai.PermissionDeniedError as error:
        other = str(error)
    await solve(environment)
    return [answer.choices[0].message.content, other]


async def asks_for_another_model(environment):
    await solve(environment)
    return [call(model="gpt-5-mini")[0], call(model="gpt-4.1")[0]]


async def forges_usage(environment):
    call()
    usage = {"input_tokens": 0, "output_tokens": 0}
    Path("/scratch/logs/model-calls.jsonl").write_text('{"owner": {}}')
    Path("/scratch/logs/trajectory.json").write_text(
        json.dumps(
            {"final_metrics": {"total_cost_usd": 0, "total_prompt_tokens": 0}, "usage": usage}
        )
    )
    await solve(environment)


async def looks_for_a_key(environment):
    found = []
    for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline"):
        try:
            found.append(Path(path).read_bytes().decode("latin-1"))
        except OSError:
            pass
    for place in ("/scratch", "/harness", "/autoagent", "/etc", "/tmp"):
        for directory, below, names in os.walk(place):
            below[:] = [one for one in below if os.path.join(directory, one) != sys.prefix]
            for name in names:
                try:
                    found.append(Path(directory, name).read_bytes()[:100000].decode("latin-1"))
                except OSError:
                    pass
    found += [json.dumps(call(input="key?")), json.dumps(dict(os.environ))]
    found.append((await environment.exec("env; cat /proc/*/environ")).stdout)
    return ["sk-the-" + "real" in text for text in found].count(True)


async def calls_the_internet(environment):
    reached = []
    for address in (
        ("1.1.1.1", 443),
        ("127.0.0.1", 1),
        ("127.0.0.1", PROVIDER_PORT),
        ("169.254.169.254", 80),
        ("::1", 8787),
    ):
        try:
            socket.create_connection(address, timeout=2).close()
            reached.append(address)
        except OSError:
            pass
    interfaces = [name for _, name in socket.if_nameindex()]
    caps = [s.split()[1] for s in open("/proc/self/status") if s.startswith("CapEff")]
    inside = await environment.exec("(echo > /dev/tcp/127.0.0.1/8787) 2>&1 && echo reached")
    return [reached, interfaces, caps, "reached" in inside.stdout]


async def loops_for_ever(environment):
    await solve(environment)
    while True:
        call()


async def floods(environment):
    def one():
        while True:
            try:
                socket.create_connection(("127.0.0.1", 8787))
            except OSError:
                pass

    held = []
    for _ in range(900):
        try:
            held.append(socket.create_connection(("127.0.0.1", 8787), timeout=1))
        except OSError:
            break
    await solve(environment)
    return len(held)


async def waits_for_the_provider(environment):
    status, _ = call(input="busy")
    if status == 200:
        await solve(environment)
    return status


async def asks_and_waits(environment):
    call(input="silent")


async def needs_the_provider(environment):
    await solve(environment)
    status, answer = call(input="fail")
    raise SystemExit(status)
