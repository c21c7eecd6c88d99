"""Uses its environment in every way that Harbor's own agents do, and writes down the answers."""

import json
import os
from pathlib import Path, PurePosixPath


async def run_task(environment, instruction):
    answers = await answers_of(environment)
    agent, config = environment.agent, environment.task_env_config
    place = PurePosixPath("/tmp/by-path")  # which Harbor's own takes in some calls
    await environment.upload_file(Path("sent/a file"), place / "file")
    await environment.upload_dir(Path("sent"), place)
    await environment.download_file(place / "file", Path("again"))
    assert Path("again").read_text() == "content" and await environment.is_file(place / "a file")
    told = {
        "servers": [(s.name, s.transport, s.url, s.command) for s in agent.mcp_servers],
        "skills": agent.skills_dir,
        "memory": config.memory_mb,
        "network": environment.network_policy.network_mode.value,
        "variables": config.env,
        "user": environment.default_user,
    }
    await environment.exec("cp /app/question.txt /app/answer.txt")
    (Path(agent.logs_dir) / "said.json").write_text(json.dumps({"told": told, "answers": answers}))
    return "", 1


async def answers_of(environment):
    """What a script gets; the same in Harbor's docker environment (tests/environments/contract)."""
    said = {}

    async def note(name, command, **how):
        try:
            done = await environment.exec(command, **how)
            said[name] = [done.stdout or "", done.stderr or "", done.return_code]
        except Exception as error:
            said[name] = [type(error).__name__, str(error)]

    await note("what is said of errors", "echo err >&2; exit 3")
    await note("nothing", "true")
    await note("signal", "kill -9 $$")
    await note("no newline", "printf x")
    await note("a path as cwd", "pwd", cwd=PurePosixPath("/tmp"))
    await note("variables", 'echo "$ONE-$TWO"', env={"ONE": "1", "TWO": "a b\nc"})
    with environment.scoped_exec_env({"ONE": "scoped", "THREE": "3"}):
        await note("scoped variables", 'echo "$ONE-$THREE"', env={"ONE": "1"})
    await note("after the scope", 'echo "${ONE:-none}"')
    heard = []

    async def hear(text, stream):
        heard.append([text, stream])

    with environment.scoped_output_callback(hear):
        await note("with a listener", "echo one; printf two")
    said["heard"] = heard
    await note("too long", "sleep 30", timeout_sec=1)
    await note("a shell of its own", "shopt -q login_shell; echo $?; [ -t 1 ]; echo $?")
    await note("as root", "id -un", user="root")
    await note("as nobody of this machine", "id -un", user="no-such-user")
    sent = Path.cwd() / "sent"
    sent.mkdir(exist_ok=True)
    (sent / "a file").write_text("content")
    os.chmod(sent / "a file", 0o755)
    await environment.upload_dir(sent, "/tmp/got")
    await environment.upload_file(sent / "a file", "/tmp/alone")
    await note("what was uploaded", "cd /tmp; cat 'got/a file' alone; stat -c %a alone")
    await environment.download_file("/tmp/alone", Path.cwd() / "back")
    await environment.download_dir("/tmp/got", Path.cwd() / "back-dir")
    said["what came back"] = [
        (Path.cwd() / "back").read_text(),
        (Path.cwd() / "back-dir/a file").read_text(),
    ]
    said["kinds"] = [
        await environment.is_dir("/tmp/got"),
        await environment.is_dir("/tmp/alone"),
        await environment.is_file("/tmp/alone"),
        await environment.is_file("/tmp/nothing"),
    ]
    try:
        await environment.download_file("/tmp/nothing", Path.cwd() / "x")
        said["a file that is not there"] = "came"
    except Exception:
        said["a file that is not there"] = "raised"
    return said
