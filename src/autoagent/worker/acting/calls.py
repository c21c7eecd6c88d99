"""Environment calls of the harness, carried out by the worker and written down.

Every argument comes from the candidate. Files are bytes in both directions; the only
host paths are temporary ones made here.
"""

import asyncio
import io
import json
import re
import tarfile
import tempfile
from pathlib import Path
from typing import Any, cast

from harbor.environments.base import BaseEnvironment

from autoagent.environments.sandbox.inside.wire import BLOB_LIMIT
from autoagent.environments.trees import unpack
from autoagent.gateway.calls.redact import Redactor

RECORD_LIMIT = 4 * 1024 * 1024
TEXT_LIMIT = 4000
VARIABLES_LIMIT = 200
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

CallResult = tuple[dict[str, Any], bytes]


async def serve_call(
    environment: BaseEnvironment, message: dict[str, Any], blob: bytes, redactor: Redactor
) -> CallResult:
    """Carry out one call; a failure is an answer, no exception, and no answer has a secret."""
    answer, data = await _carried_out(environment, message, blob, redactor)
    if "error" in answer:
        answer["error"] = redactor.text(answer["error"])
    return answer, redactor.masked(data)


async def _carried_out(
    environment: BaseEnvironment, message: dict[str, Any], blob: bytes, redactor: Redactor
) -> CallResult:
    try:
        arguments = message["arguments"]
        match message["call"]:
            case "exec":
                return await _exec(environment, arguments, redactor)
            case "upload_file":
                await _upload_file(
                    environment, blob, str(arguments["target"]), int(arguments["mode"])
                )
                return {"value": None}, b""
            case "upload_dir":
                await _upload_dir(environment, blob, str(arguments["target"]))
                return {"value": None}, b""
            case "download_file":
                return {"value": None}, await _download_file(environment, str(arguments["source"]))
            case "download_dir":
                return {"value": None}, await _download_dir(environment, str(arguments["source"]))
            case "is_dir":
                return {"value": await environment.is_dir(str(arguments["path"]))}, b""
            case "is_file":
                return {"value": await environment.is_file(str(arguments["path"]))}, b""
            case unknown:
                return {
                    "type": "ValueError",
                    "error": f"there is no environment call {unknown!r}",
                }, b""
    except Exception as error:  # whatever a hostile argument provokes is the caller's answer
        return {"type": type(error).__name__, "error": str(error)[:2000] or repr(error)[:2000]}, b""


async def _exec(
    environment: BaseEnvironment, arguments: dict[str, Any], redactor: Redactor
) -> CallResult:
    variables = _variables(arguments.get("env") or {})
    result = await environment.exec(
        str(arguments["command"]),
        cwd=arguments.get("cwd"),
        env=variables or None,
        timeout_sec=_seconds(arguments.get("timeout_sec")),
        user=arguments.get("user"),
    )
    stdout = redactor.text(result.stdout or "").encode("utf-8", "replace")
    stderr = redactor.text(result.stderr or "").encode("utf-8", "replace")
    value = {"return_code": result.return_code, "stdout_bytes": len(stdout)}
    return {"value": value}, stdout + stderr


def _seconds(given: Any) -> int | None:
    """A limit; Harbor says that it is an int, and takes any number."""
    if given is None:
        return None
    number = float(given)
    return int(number) if number.is_integer() else cast("int", number)


def _variables(given: dict[Any, Any]) -> dict[str, str]:
    """Variables a shell can have. Others would fail the sandbox, which is the machine's fault."""
    variables = {str(name): str(value) for name, value in given.items()}
    size = sum(len(name) + len(value) for name, value in variables.items())
    names = all(_VARIABLE.fullmatch(name) for name in variables)
    if not names or len(variables) > VARIABLES_LIMIT or size > TEXT_LIMIT * 16:
        raise ValueError("env: names must be words, at most 200 of them and 64 kB in all")
    return variables


async def _upload_file(environment: BaseEnvironment, blob: bytes, target: str, mode: int) -> None:
    with tempfile.TemporaryDirectory(prefix="autoagent-upload-") as directory:
        source = Path(directory, "file")
        source.write_bytes(blob)
        source.chmod(mode & 0o777 | 0o600)
        await environment.upload_file(source, target)


async def _upload_dir(environment: BaseEnvironment, blob: bytes, target: str) -> None:
    with tempfile.TemporaryDirectory(prefix="autoagent-upload-") as directory:
        await asyncio.to_thread(unpack, blob, Path(directory))
        await environment.upload_dir(directory, target)


async def _download_file(environment: BaseEnvironment, source: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="autoagent-download-") as directory:
        target = Path(directory, "file")
        await environment.download_file(source, target)
        if target.stat().st_size > BLOB_LIMIT:
            raise ValueError(f"{source} is larger than {BLOB_LIMIT} bytes")
        return target.read_bytes()


async def _download_dir(environment: BaseEnvironment, source: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="autoagent-download-") as directory:
        await environment.download_dir(source, directory)
        size = sum(path.lstat().st_size for path in Path(directory).rglob("*"))
        if size > BLOB_LIMIT // 2:
            raise ValueError(f"{source} holds more than {BLOB_LIMIT // 2} bytes")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(directory, arcname=".")
        return buffer.getvalue()


class CallRecord:
    """What the harness asked of its environment, in the worker's words: one JSON object a line."""

    def __init__(self, path: Path) -> None:
        """Write beside the trial's trajectory; stop quietly at the size limit."""
        self._file = path.open("w", encoding="utf-8")
        self._left, self._step = RECORD_LIMIT, 0

    def add(
        self, message: dict[str, Any], answer: dict[str, Any], data: bytes, seconds: float
    ) -> None:
        """One call and its outcome, texts cut to a bounded length."""
        self._step += 1
        arguments: Any = message.get("arguments")
        known = cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {}
        value: Any = answer.get("value")
        line: dict[str, Any] = {"step": self._step, "call": str(message.get("call"))[:40]}
        if line["call"] == "exec":
            line["command"] = str(known.get("command"))[:TEXT_LIMIT]
        else:
            line["path"] = str(known.get("target") or known.get("source") or known.get("path"))[
                :TEXT_LIMIT
            ]
        if "error" in answer:
            line["error"] = f"{answer['type']}: {answer['error']}"[:TEXT_LIMIT]
        elif isinstance(value, dict):
            facts = cast("dict[str, int]", value)
            cut = facts["stdout_bytes"]
            line["return_code"] = facts["return_code"]
            line["stdout"] = data[:cut][:TEXT_LIMIT].decode("utf-8", "replace")
            line["stderr"] = data[cut:][:TEXT_LIMIT].decode("utf-8", "replace")
        line["seconds"] = round(seconds, 4)
        text = json.dumps(line) + "\n"
        self._left -= len(text)
        if self._left >= 0:
            self._file.write(text)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
