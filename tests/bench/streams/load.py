"""Sends events of a whole nation at a steady rate, as their owners would: a process of its own.

Two fifths are of matches, two of check-ins, one of messages; the cities take turns. A few are rare ones,
for webhooks. `ce_time` is the
machine's time, so that whoever receives one can say how long it took. Prints how many were sent and
acknowledged, once a second.
"""

import argparse
import asyncio
import sys
import time
from collections import deque
from datetime import UTC, datetime
from typing import Final

from aiokafka import AIOKafkaProducer

from services.streams.domain.places import places
from shared.events.check_ins import CheckInCompleted, CheckInDue
from shared.events.matches import MatchAccepted, MatchEnded, MatchProposed
from shared.events.messages import MessageSent
from shared.events.payload import Payload
from shared.events.wire import encode_headers, headers_of, rfc3339
from tests.unit.streams.examples import NOW, example

PROGRAMME: Final = "bench"
KINDS: Final[tuple[type[Payload], ...]] = (
    MatchProposed,
    CheckInDue,
    MatchAccepted,
    CheckInCompleted,
    MessageSent,
)
RARE: Final = MatchEnded
RARE_PER_S: Final = 100
RARE_CITIES: Final = 33
"""A hundred of the events of a second are ends of mentorships, in 33 cities: 3 a second in each."""
_SLICE_S: Final = 0.02


class Template:
    """One kind of event, with its id and city left open: made once, filled in for each."""

    def __init__(self, kind: type[Payload]) -> None:
        self.topic = kind.stream.name
        open_ids = {"match_id": "{id}", "message_id": "{id}", "recipient_id": "{id}"}
        fields = {name: value for name, value in open_ids.items() if name in kind.model_fields}
        payload = example(kind, programme=PROGRAMME, city="{city}", **fields)
        self._value = payload.model_dump_json(exclude_none=True)
        self._headers = encode_headers(
            headers_of(payload, 1, NOW, correlation_id="{id}", causation_id=None, traceparent=None)
        )

    def filled(self, event_id: str, city: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        """Key, value and headers of one event that happens now."""
        name, place = event_id.encode(), city.encode()
        now = rfc3339(datetime.now(UTC)).encode()
        headers = [
            (header, now)
            if header == "ce_time"
            else (header, value.replace(b"{id}", name).replace(b"{city}", place))
            for header, value in self._headers
        ]
        value = self._value.replace("{id}", event_id).replace("{city}", city)
        return name, value.encode(), headers


async def send(servers: list[str], run: str, rate: int, seconds: float) -> None:
    """`rate` events a second, evenly; as fast as it goes where the rate is 0 (`seconds` × 1,000 events)."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=5)
    await producer.start()
    templates = [Template(kind) for kind in KINDS]
    rare = Template(RARE)
    cities = list(places())
    rare_cities = [code for code, place in places().items() if not place.is_small][:RARE_CITIES]
    rare_one_in = max(1, rate // RARE_PER_S) if rate else RARE_PER_S
    total = round(rate * seconds) if rate else round(1_000 * seconds)
    sent, acknowledged, told_at = 0, 0, 0.0
    waiting: deque[asyncio.Future[object]] = deque()
    began = time.perf_counter()
    while sent < total:
        passed = time.perf_counter() - began
        due = min(total, int(passed * rate)) if rate else min(total, sent + 1_000)
        for number in range(sent, due):
            template = templates[number % len(templates)]
            # Each kind goes round all cities.
            city = cities[number // len(templates) % len(cities)]
            if number % rare_one_in == 0:
                template, city = rare, rare_cities[number // rare_one_in % RARE_CITIES]
            key, value, headers = template.filled(f"{run}-{number}", city)
            waiting.append(
                await producer.send(template.topic, value=value, key=key, headers=headers)
            )
        sent = due
        while waiting and waiting[0].done():
            await waiting.popleft()
            acknowledged += 1
        if passed - told_at >= 1:
            told_at = passed
            print(f"{sent} {acknowledged}", flush=True)
        await asyncio.sleep(_SLICE_S if rate else 0)
    await asyncio.gather(*waiting)
    await producer.stop()
    print(f"{sent} {sent}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    said = parser.parse_args()
    asyncio.run(send(said.kafka.split(","), said.run, said.rate, said.seconds))
    sys.exit(0)
