"""Calls its model and looks around, from its own process and from the task's environment."""

import asyncio
import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

PROVIDER_PORT = 0


def ask(model="gpt-5", most=100):
    body = {"model": model, "input": "hi", "max_output_tokens": most}
    headers = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    url = os.environ["OPENAI_BASE_URL"] + "/responses"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def reaches(*address):
    try:
        socket.create_connection(address, timeout=2).close()
        return True
    except OSError:
        return False


def asks_its_model():
    return ask()


def asks_for_others():
    return [ask("gpt-5-mini"), ask("gpt-4.1")]


def looks_around():
    import agents

    try:
        import autoagent.records  # noqa: F401  # an empty directory may be there

        ours = True
    except ImportError:
        ours = False
    places = [("127.0.0.1", PROVIDER_PORT), ("1.1.1.1", 443), ("169.254.169.254", 80)]
    caps = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
    return {
        "reached": [place for place in places if reaches(*place)],
        "interfaces": [name for _, name in socket.if_nameindex()],
        "capabilities": caps,
        "autoagent": ours,
        "sdk": agents.__file__.startswith("/sdk/"),
        "key": "real" in json.dumps(dict(os.environ)),
    }


def loops_for_ever():
    while ask() == 200:
        pass


async def run_task(environment, instruction):
    word = instruction.split()[-1]
    await environment.exec("cp /app/question.txt /app/answer.txt")
    own = globals().get("_" + word)
    if own is not None:
        said = await own(environment)
    else:
        done = await environment.exec(f"cd /app && python3 agent.py {word}")
        said = json.loads(done.stdout) if done.return_code == 0 else done.stdout
    (Path.cwd().parent / "logs/said.json").write_text(json.dumps(said))
    return said, 1


async def _sees_nothing(environment):
    done = await environment.exec(
        "ls -A /app; ls -Ad /sdk 2>/dev/null; env | grep -e PYTHONPATH -e _BASE_URL -e _API_KEY;"
        "(echo > /dev/tcp/127.0.0.1/8787) 2>/dev/null && echo reached"
    )
    return done.stdout.split()


async def _steers(environment):
    # What would load code into a process writes down which processes it got into.
    steering = {"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": "/app/loaded"}
    await environment.exec("true", env=steering)
    done = await environment.exec("cat /app/loaded.*")
    lost = await environment.exec("true", cwd="/nowhere")
    return ["bash" in done.stdout, "python" in done.stdout, lost.return_code, lost.stdout]


async def _compares_files(environment):
    for source, name in (("agent.py", "here.py"), (".agent/note.md", "here.md")):
        await environment.upload_file(Path(__file__).parent / source, f"/app/{name}")
    command = "cd /app && cmp agent.py here.py && cmp .agent/note.md here.md && echo same"
    return (await environment.exec(command)).stdout.strip()


async def _both(environment):
    done = await asyncio.gather(
        *[environment.exec("cd /app && python3 agent.py asks_its_model") for _ in range(3)]
    )
    return [ask(), *(json.loads(one.stdout) for one in done)]
