"""Readers of server-sent events, one city each, in a process of their own: what they got, and how late.

Reads keys and cities as JSON from standard input, says `ready` when all streams are open, and at
SIGTERM what every reader got.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from datetime import datetime
from typing import Any

import aiohttp


async def read_one(
    session: aiohttp.ClientSession,
    url: str,
    reader: dict[str, str],
    is_open: asyncio.Event,
    late_s: list[float],
    counts: dict[str, int],
) -> None:
    """Reads until it is cancelled, and comes back by the last id whenever it is let go."""
    last_id = ""
    while True:
        headers = {"Authorization": f"Bearer {reader['key']}"}
        if last_id:
            headers["Last-Event-ID"] = last_id
            counts["came_back"] += 1
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{url}/feed/matches/stream", headers=headers) as answer:
                answer.raise_for_status()
                is_open.set()
                async for line in answer.content:
                    if line.startswith(b"id: "):
                        last_id = line[4:].decode().strip()
                    elif line.startswith(b"data: "):
                        event = json.loads(line[6:])
                        if event["city"] != reader["city"]:
                            counts["of_others"] += 1
                        counts["events"] += 1
                        happened = datetime.fromisoformat(event["time"]).timestamp()
                        late_s.append(time.time() - happened)
        await asyncio.sleep(0.1)


async def main(url: str) -> None:
    """All readers, until SIGTERM."""
    readers = json.loads(sys.stdin.readline())
    late_s: list[float] = []
    counts = {"events": 0, "came_back": 0, "of_others": 0}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        opened = [asyncio.Event() for _ in readers]
        tasks = [
            asyncio.create_task(read_one(session, url, reader, is_open, late_s, counts))
            for reader, is_open in zip(readers, opened, strict=True)
        ]
        await asyncio.gather(*(one.wait() for one in opened))
        print("ready", flush=True)
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps({**counts, **spread(late_s)}), flush=True)


def spread(late_s: list[float]) -> dict[str, Any]:
    """Half, 99 of 100, and all were no later than this."""
    ordered = sorted(late_s)
    if not ordered:
        return {}
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        f"late_{name}_s": round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3)
        for name, part in at.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    asyncio.run(main(parser.parse_args().url))
