"""Receivers of webhooks, in a process of their own: most answer at once, some never do. How late each came.

Reads from standard input how many there are and which of them hang; says its address when it listens, and at
SIGTERM what came to those who answer.
"""

import asyncio
import json
import signal
import sys
import time
from datetime import datetime

from aiohttp import web

from tests.bench.streams.readers import spread

_FOR_EVER_S = 3_600.0


async def main() -> None:
    """All receivers, until SIGTERM."""
    hanging = set(json.loads(sys.stdin.readline()))
    late_s: list[float] = []
    came: set[str] = set()
    counts = {"deliveries": 0, "twice": 0, "asked_of_hanging": 0}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def receive(request: web.Request) -> web.Response:
        if int(request.match_info["number"]) in hanging:
            counts["asked_of_hanging"] += 1
            await asyncio.sleep(_FOR_EVER_S)
        event = json.loads(await request.read())
        message = request.headers["webhook-id"]
        counts["deliveries"] += 1
        counts["twice"] += message in came
        came.add(message)
        late_s.append(time.time() - datetime.fromisoformat(event["time"]).timestamp())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hooks/{number}", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1_024).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/hooks", flush=True)
    await stop.wait()
    print(json.dumps({**counts, **spread(late_s)}), flush=True)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
