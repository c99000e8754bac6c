"""How long from a registration over HTTP to `match.proposed` in Kafka, on the running platform.

Each try brings in one mentee and one mentor who fit each other by the coordinator's import, asks for
a round, and waits for the event: origin → intake → Kafka → matching → round → Kafka.
"""

import asyncio
import csv
import io
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaConsumer

from deploy.local.settings import PlatformSettings
from deploy.local.supervisor import Platform
from deploy.sample import programme as sample
from shared.events.matches import MatchProposed
from shared.events.streams import MATCHES

_ASK_AGAIN_S: Final = 0.02
_AT_MOST_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds over all tries."""

    p50: float
    p99: float
    tries: int


async def measure_latency(var: Path, engine: str, tries: int) -> Latency:
    """Starts the platform with the system's clock, and measures one pair after another."""
    settings = PlatformSettings(run="bench-latency", var=var, engine=engine, log_level="error")
    async with Platform(settings) as platform:
        kept = sample.load()
        operator = {"Authorization": f"Bearer {platform.keys.operator}"}
        coordinator = {"Authorization": f"Bearer {platform.keys.coordinator}"}
        consumer = AIOKafkaConsumer(
            MATCHES.name,
            bootstrap_servers=list(platform.engine.addresses.kafka),
            fetch_max_wait_ms=50,
        )
        await consumer.start()
        async with httpx.AsyncClient(base_url=platform.origin_url, timeout=60) as client:
            made = await client.put(
                f"/intake/programmes/{kept.programme_id}", json=kept.body, headers=operator
            )
            made.raise_for_status()
            await platform.ready()
            took = [
                await _one(client, consumer, kept.programme_id, coordinator, number)
                for number in range(tries + 3)
            ][3:]
        await consumer.stop()
    took.sort()
    return Latency(
        p50=round(statistics.median(took), 1),
        p99=round(took[min(len(took) - 1, int(0.99 * len(took)))], 1),
        tries=len(took),
    )


async def _one(
    client: httpx.AsyncClient,
    consumer: AIOKafkaConsumer,
    programme: str,
    headers: dict[str, str],
    number: int,
) -> float:
    began = time.perf_counter()
    imported = await client.post(
        f"/intake/programmes/{programme}/imports",
        files={"file": ("pair.csv", _pair(number), "text/csv")},
        headers=headers,
    )
    imported.raise_for_status()
    proposed = asyncio.create_task(_proposed(consumer))
    while not proposed.done():
        asked = await client.post(f"/matching/programmes/{programme}/rounds", headers=headers)
        if asked.status_code != httpx.codes.NOT_FOUND:  # matching may not know the programme yet
            asked.raise_for_status()
        await asyncio.wait([proposed], timeout=_ASK_AGAIN_S)
        if time.perf_counter() - began > _AT_MOST_S:
            raise TimeoutError(f"No proposal for pair {number} within {_AT_MOST_S} s.")
    return (await proposed - began) * 1000


async def _proposed(consumer: AIOKafkaConsumer) -> float:
    while True:
        record = await consumer.getone()
        if dict(record.headers).get("ce_type") == MatchProposed.wire_name.encode():
            return time.perf_counter()


def _pair(number: int) -> bytes:
    """A mentee and a mentor who fit each other; no earlier pair is free any more."""
    person: dict[str, Any] = {
        "municipality": "461",
        "languages": "da",
        "isco": "2512",
        "wants_or_offers": "job_search",
        "availability": "mon-evening",
        "online_ok": "yes",
        "charter": "2026-1",
        "locale": "en",
    }
    rows = [
        {**person, "role": role, "name": "Bench", "email": f"{role}{number}@example.org"}
        for role in ("mentee", "mentor")
    ]
    rows[1]["seats"] = "1"
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[1]])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
