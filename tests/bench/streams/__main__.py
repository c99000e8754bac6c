"""What the journal and its readers carry, on one machine with everything on it.

1. **The journal against the bare drivers**: the same records, all there already: how many a second the
   running service keeps, and how many a bare aiokafka consumer writes to MongoDB in batches of the same size,
   with the same durability: one insert a batch, no validation, no index, no position.
2. **A minute of a nation**: events at a steady rate into the journal, with readers of one city each, and
   webhooks, ten of which are dead or hang.

`python -m tests.bench.streams` writes `var/bench/streams.json`. Nothing else should run meanwhile.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from aiokafka import AIOKafkaConsumer

from deploy.local import topics
from deploy.local.engines import open_engine
from deploy.local.engines.interface import Engine
from deploy.local.ports import LOOPBACK
from services.streams.domain.places import places
from services.streams.store.journal import Journal
from shared.security.keys import hash_key
from shared.storage.database import Database
from tests.bench.streams.load import PROGRAMME
from tests.bench.streams.webhooks import Receivers

BATCH: Final = 500
_OPERATOR: Final = "cg_bench"
_AT_MOST_S: Final = 300.0
_TOPICS: Final = ("matches", "check-ins", "messages")


@dataclass(frozen=True, slots=True)
class Service:
    """A running streams."""

    url: str
    process: psutil.Process
    http: httpx.AsyncClient


@asynccontextmanager
async def streams(engine: Engine, port: int) -> AsyncIterator[Service]:
    """The service as a process of its own, as it runs anywhere."""
    environment = {
        **os.environ,
        "HOST": LOOPBACK,
        "PORT": str(port),
        "KAFKA_URL": ",".join(engine.addresses.kafka),
        "MONGODB_URL": engine.mongodb_url("streams"),
        "LINK_SECRET": "links",
        "HASH_SECRET": "hashes",
        "OPERATOR_KEY_HASHES": hash_key(_OPERATOR),
        "REQUESTS_PER_MINUTE": "1000000",
        "WEBHOOK_NETWORKS": "127.0.0.0/8",
    }
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.streams"),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{port}",
            headers={"Authorization": f"Bearer {_OPERATOR}"},
            timeout=60,
            trust_env=False,
        ) as http:
            await _ready(http)
            url = str(http.base_url).rstrip("/")
            yield Service(url, psutil.Process(started.pid), http)
    finally:
        started.terminate()
        await started.wait()


async def _ready(http: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + _AT_MOST_S
    while True:
        try:
            if (await http.get("/health/ready")).is_success:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("streams did not become ready")
        await asyncio.sleep(0.1)


async def load(engine: Engine, run: str, rate: int, seconds: float) -> asyncio.subprocess.Process:
    """The sender, started."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.streams.load",
        *("--kafka", ",".join(engine.addresses.kafka), "--run", run),
        *("--rate", str(rate), "--seconds", str(seconds)),
        stdout=asyncio.subprocess.PIPE,
    )


async def ours_per_s(engine: Engine, journal: Journal, port: int, records: int) -> float:
    """Records a second that the service keeps of those that are there already."""
    async with streams(engine, port):
        # Once it runs, so that its start is not in the figure; the first batches are left out too.
        before = await journal.last_position()
        sender = await load(engine, uuid.uuid4().hex[:6], 0, records / 1_000)
        first, began = before + records // 5, 0.0
        while (position := await journal.last_position()) < before + records:
            if position >= first and not began:
                first, began = position, time.perf_counter()
            await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        await sender.wait()
        return (before + records - first) / took


async def bare_per_s(engine: Engine, records: int) -> float:
    """The same records by a bare consumer: one insert a batch, journaled by a majority."""
    database = Database(engine.mongodb_url("streams"))
    collection = database.collection("bare")
    group = uuid.uuid4().hex
    consumer = AIOKafkaConsumer(
        *_TOPICS,
        bootstrap_servers=list(engine.addresses.kafka),
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    done, first, began = 0, records // 5, 0.0
    while done < records:
        fetched = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        batch = [record for part in fetched.values() for record in part][: records - done]
        if not batch:
            continue
        await collection.insert_many(
            [
                {
                    **{name: value.decode() for name, value in record.headers},
                    "payload": json.loads(record.value),
                }
                for record in batch
            ]
        )
        await consumer.commit()
        done += len(batch)
        if done >= first and not began:
            first, began = done, time.perf_counter()
    took = time.perf_counter() - began
    await consumer.stop()
    database.close()
    return (done - first) / took


async def a_minute(
    engine: Engine,
    journal: Journal,
    port: int,
    *,
    rate: int,
    seconds: int,
    readers: int,
    webhooks: int,
) -> dict[str, Any]:
    """Events at a steady rate, with readers and webhooks; sampled once a second."""
    async with streams(engine, port) as service:
        wanted = await _grants(service, readers)
        listening = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.streams.readers", "--url", service.url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert listening.stdin is not None
        assert listening.stdout is not None
        listening.stdin.write(json.dumps(wanted).encode() + b"\n")
        await listening.stdin.drain()
        await listening.stdout.readline()
        receivers = await Receivers.subscribed(service.http, webhooks)
        before = await journal.last_position()
        memory = [service.process.memory_info().rss]
        cpu_before = sum(service.process.cpu_times()[:2])
        sender = await load(engine, uuid.uuid4().hex[:6], rate, seconds)
        assert sender.stdout is not None
        behind_s: list[float] = []
        began = time.perf_counter()
        sent = 0
        while line := await sender.stdout.readline():
            sent = int(line.split()[0])
            kept = await journal.last_position() - before
            behind_s.append((sent - kept) / rate)
            memory.append(service.process.memory_info().rss)
        sending_took = time.perf_counter() - began
        while await journal.last_position() - before < sent:
            await asyncio.sleep(0.02)
        drained_in = time.perf_counter() - began - sending_took
        cpu_s = sum(service.process.cpu_times()[:2]) - cpu_before
        await asyncio.sleep(1.0)  # What is on its way to the readers arrives.
        listening.terminate()
        got = json.loads((await listening.stdout.read()).splitlines()[-1])
        delivered = await receivers.told()
        memory.append(service.process.memory_info().rss)
    return {
        "rate_per_s": rate,
        "seconds": round(sending_took, 1),
        "sent": sent,
        "behind_most_s": round(max(behind_s), 2),
        "behind_at_end_s": round(behind_s[-1], 2),
        "kept_all_after_s": round(drained_in, 2),
        "readers": readers,
        "read": got,
        "read_per_s": round(got["events"] / sending_took),
        "webhooks": webhooks,
        "delivered": delivered,
        "delivered_per_s": round(delivered["deliveries"] / sending_took),
        "cpu_ms_per_event": round(1000 * cpu_s / sent, 4),
        "memory_mb": {
            "before": _mb(memory[0]),
            "most": _mb(max(memory)),
            "after": _mb(memory[-1]),
        },
    }


async def _grants(service: Service, count: int) -> list[dict[str, str]]:
    """So many integrators, each of one city; the cities take turns."""
    cities = [code for code, place in places().items() if not place.is_small]
    made = []
    for number in range(count):
        city = cities[number % len(cities)]
        wish = {
            "name": f"Reader {number}",
            "programme": PROGRAMME,
            "streams": ["matches"],
            "cities": [city],
        }
        answer = await service.http.post("/integrators", json=wish)
        answer.raise_for_status()
        made.append({"key": answer.json()["key"], "city": city})
    return made


def _mb(size: int) -> float:
    return round(size / 1_048_576, 1)


async def main(said: argparse.Namespace) -> None:
    """Starts the engine, measures, writes the result."""
    var = Path(said.var)
    with open_engine(said.engine, var=var / "engines") as engine:
        await topics.apply(engine.addresses, profile="local")
        database = Database(engine.mongodb_url("streams"))
        journal = Journal(database)
        await journal.prepare()
        ours = await ours_per_s(engine, journal, said.port, said.records)
        bare = await bare_per_s(engine, said.records)
        minute = await a_minute(
            engine,
            journal,
            said.port,
            rate=said.rate,
            seconds=said.seconds,
            readers=said.readers,
            webhooks=said.webhooks,
        )
        database.close()
    result = {
        "engine": said.engine,
        "records": said.records,
        "journal_per_s": round(ours),
        "bare_per_s": round(bare),
        "journal_over_bare": round(ours / bare, 3),
        "minute": minute,
    }
    path = var / "bench" / "streams.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    json.dump(result, sys.stdout, indent=2)
    print(f"\nwritten to {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="embedded")
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--webhooks", type=int, default=100)
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--var", default="var")
    asyncio.run(main(parser.parse_args()))
