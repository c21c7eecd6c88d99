"""What the model gateway adds to a call: the same calls straight to a stand-in, and through it.

    .venv/bin/python bench/gateway.py [--json] [--check]

The stand-in is a process of its own that answers like a provider after a think time; it is no
model. Straight calls and calls through the gateway are made in one run, in turn. The gateway is
another process, as in a worker. What it adds is its processor time for a call, in milliseconds and
in calls of its peer, the stand-in, which reads and answers the same HTTP on the same library and
does nothing else. The goals are of these. Wall times are only told: `whole` is a call to its end,
`first` the first byte of a streamed one; beside other work they say nothing of the gateway.

At concurrency 1 calls go in pairs, straight and through in turn, and the stand-in answers at
once. At 32 there are 32 calls under way through the gateway all the time and as many straight
ones: each of 64 loops makes one call after the other, and the stand-in thinks 300 to 1000 ms over
each, as a model does. So calls arrive when they do, never all at once: 32 released together would
measure a queue of 32, and 32 without a think time how many calls a second two processors manage.
How long the stand-in really held a call, it says in a header, and that is not counted.
"""

import asyncio
import json
import multiprocessing
import random
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2
import measured
import uvicorn
from measured import Figure
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

GOAL_MS, GOAL_RATIO = 10.0, 6.0
THINK_SECONDS = (0.3, 1.0)
USAGE = {"input_tokens": 900, "output_tokens": 200, "input_tokens_details": {"cached_tokens": 0}}
BODY = {"model": "gpt-5", "input": "word " * 800, "max_output_tokens": 400}


async def stand_in(request: Request) -> Response:
    """A provider's answer: 1 kB, or twenty events of it."""
    asked = await request.json()
    began = time.perf_counter()
    if think := float(request.headers["x-think"]):
        await asyncio.sleep(think)
    held = {"x-held": str(time.perf_counter() - began)}
    if not asked.get("stream"):
        return Response(json.dumps({"output": "x" * 1000, "usage": USAGE}), headers=held)

    async def events() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b'data: {"type": "response.output_text.delta", "delta": "' + b"x" * 50 + b'"}\n\n'
        done = {"type": "response.completed", "response": {"usage": USAGE}}
        yield f"data: {json.dumps(done)}\n\n".encode()

    return StreamingResponse(events(), headers=held, media_type="text/event-stream")


def serve_stand_in(ready: Connection) -> None:
    """The stand-in's process."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ready.send(listener.getsockname()[1])
    app = Starlette(routes=[Route("/v1/responses", stand_in, methods=["POST"])])
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])


def serve_gateway(ready: Connection, upstream: int, directory: str) -> None:
    """The gateway's process: metering, budget and recording on, as in an evaluation."""
    from autoagent.gateway.gateway import Gateway
    from autoagent.gateway.money.usage import Owner
    from autoagent.gateway.plan import GatewayPlan, Upstream

    async def serve() -> None:
        url = f"http://127.0.0.1:{upstream}/v1"
        plan = GatewayPlan(
            models=("gpt-5",),
            upstreams={"openai": Upstream(base_url=url, api_key_env="K", auth="bearer")},
            dollars=1000.0,
        )
        gateway = Gateway(plan, Path(directory), {"K": "sk-bench-key"})
        async with gateway.running():
            listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
            ready.send([listener.getsockname()[1] for listener in listeners])
            async with asyncio.TaskGroup() as trials:
                for number, listener in enumerate(listeners):
                    trials.create_task(one(gateway, number, listener))

    async def one(gateway: Gateway, number: int, listener: socket.socket) -> None:
        place = Path(directory, f"t{number}")
        place.mkdir()
        gateway.expect(place.name, Owner(place.name, place.name, 1, "d"), place)
        async with gateway.serving(place.name, listener):
            await asyncio.Event().wait()

    asyncio.run(serve())


async def timed(client: httpx2.AsyncClient, think: float, *, stream: bool) -> tuple[float, float]:
    """One call: seconds to the first byte, and to the end, without the stand-in's think time."""
    started = time.perf_counter()
    body = json.dumps(BODY | {"stream": stream}).encode()
    headers = {"content-type": "application/json", "x-think": str(think)}
    first = 0.0
    async with client.stream("POST", "/v1/responses", content=body, headers=headers) as answer:
        if answer.status_code != 200:
            raise SystemExit(f"{answer.status_code}: {await answer.aread()}")
        async for _ in answer.aiter_raw():
            first = first or time.perf_counter() - started
        held = float(answer.headers["x-held"])
    return first - held, time.perf_counter() - started - held


async def figures(
    ports: dict[str, list[int]],
    pids: dict[str, int],
    concurrency: int,
    calls: int,
    think: tuple[float, float],
) -> list[Figure]:
    """Both sides in one run: processor time where calls are made one by one, and wall times."""
    counters = {side: measured.Calls(pid) for side, pid in pids.items()}
    times: dict[str, list[float]] = {}
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
    clients = {
        side: [
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits)
            for port in side_ports
        ]
        for side, side_ports in ports.items()
    }

    async def trial(number: int, sides: tuple[str, ...]) -> None:
        await asyncio.sleep(random.uniform(0.0, think[1]))  # trials do not march in step
        for turn in range(calls // concurrency + 2):
            for stream in (False, True):
                for side in sides:
                    client = clients[side][number % len(clients[side])]
                    kind = "stream" if stream else "plain"
                    warm = kind if turn > 1 else "warming up"  # connections and caches
                    with counters[side].counted(warm):
                        first, whole = await timed(client, random.uniform(*think), stream=stream)
                    if turn < 2:
                        continue
                    times.setdefault(f"{side}_{kind}_whole", []).append(whole * 1000)
                    if stream:
                        times.setdefault(f"{side}_stream_first", []).append(first * 1000)

    async with asyncio.TaskGroup() as trials:
        for number in range(concurrency):
            # One call at a time: in turn. Many: as many are under way on either side all the time.
            for sides in [tuple(ports)] if concurrency == 1 else [(side,) for side in ports]:
                trials.create_task(trial(number, sides))
    for pool in clients.values():
        for client in pool:
            await client.aclose()
    found: list[Figure] = []
    for kind in ("plain", "stream") if concurrency == 1 else ():
        ours, peer = (measured.median(counters[s].seconds[kind]) for s in ("through", "straight"))
        found.append(Figure(f"{kind}: gateway, processor", ours.times(1e3), GOAL_MS, "ms"))
        found.append(Figure(f"{kind}: stand-in, processor", peer.times(1e3), unit="ms"))
        found.append(Figure(f"{kind}: gateway / stand-in", ours.of(peer), GOAL_RATIO))
    for what, each in sorted(times.items()):
        name = f"n{concurrency}_{what}"
        found.append(Figure(f"{name}, wall p50", measured.median(each), unit="ms"))
        found.append(Figure(f"{name}, wall p99", measured.quantile(each, 0.99), unit="ms"))
    return found


def main() -> int:
    """Measure, print, and with --check compare with the goal."""
    options = measured.asked(
        __doc__, lambda p: p.add_argument("--calls", type=int, default=640, help="of each kind")
    )
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="autoagent-bench-") as directory:
        provider = context.Process(target=serve_stand_in, args=(theirs,), daemon=True)
        provider.start()
        upstream = ours.recv()
        gateway = context.Process(
            target=serve_gateway, args=(theirs, upstream, directory), daemon=True
        )
        gateway.start()
        ports = {"straight": [upstream] * 4, "through": ours.recv()}
        assert provider.pid is not None and gateway.pid is not None
        pids = {"straight": provider.pid, "through": gateway.pid}
        found = asyncio.run(figures(ports, pids, 1, options.calls, (0.0, 0.0)))
        found += asyncio.run(figures(ports, pids, 32, options.calls, THINK_SECONDS))
        for process in (gateway, provider):
            process.kill()
            process.join()
    return measured.told(found, options)


if __name__ == "__main__":
    sys.exit(main())
