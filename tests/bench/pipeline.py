"""How fast is the pipeline? Records a second through consume → decide → write → publish → clear → commit.

Three ways, in one run, on real engines, for one service, half of the records hitting documents that
exist already:

- ours: the pipeline as every service uses it;
- naive: the same work with the same durability as an ordinary FastStream handler, one message at a time;
- bare: the same steps in batches, by hand with aiokafka and Motor: no framework, no validation.

Beside it, on the whole platform: how long from a registration to its proposal (`latency.py`).
`python -m tests.bench.pipeline` writes `var/bench/pipeline.json` (medians).
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from pydantic import BaseModel, SecretStr

from deploy.local import topics
from deploy.local.engines import open_engine
from deploy.local.engines.interface import Engine
from shared.decisions import Decision
from shared.events.check_ins import CheckInDue, CheckInStatus
from shared.events.matches import MatchAccepted, MatchStatus
from shared.events.streams import CHECK_INS, MATCHES
from shared.events.wire import Event, encode_headers, headers_of
from shared.messaging.broker import make_producer
from shared.messaging.reactions import Reaction
from shared.runtime import Batch, Runtime
from shared.settings import ServiceSettings
from shared.storage.database import Database
from tests.bench.latency import measure_latency
from tests.brokers import kafka_settings

BATCH: Final = 500
NOW: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the benchmark keeps of a match."""

    match_id: str
    mentee_id: str
    mentor_id: str
    status: MatchStatus
    score: int
    times_seen: int


class PlainMatch(BaseModel):
    """The same event as a first draft would declare it."""

    match_id: str
    mentee_id: str
    mentor_id: str
    status: str
    score: int


def accepted(match_id: str) -> MatchAccepted:
    """An event of ordinary size."""
    return MatchAccepted(
        programme="bench",
        city="461",
        match_id=match_id,
        mentee_id=f"mentee-{match_id}",
        mentor_id=f"mentor-{match_id}",
        status=MatchStatus.ACCEPTED,
        score=640,
        languages=("da", "ar"),
        times=("mon-evening", "sat-morning"),
        proposed_at=NOW,
        asked_at=NOW,
        answer_by=NOW,
        accepted_at=NOW,
    )


def due(match_id: str, mentee_id: str, mentor_id: str) -> CheckInDue:
    """The event that follows."""
    return CheckInDue(
        programme="bench",
        city="461",
        match_id=match_id,
        mentee_id=mentee_id,
        mentor_id=mentor_id,
        number=1,
        status=CheckInStatus.DUE,
        day=14,
        due_at=NOW,
    )


async def produce(servers: list[str], run: str, records: int) -> None:
    """Each of `records / 2` subjects twice: the second hits a document that exists."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=5)
    await producer.start()
    sent = []
    for sequence in (1, 2):
        for number in range(records // 2):
            event = accepted(f"{run}-{number}")
            headers = headers_of(
                event, sequence, NOW, correlation_id=run, causation_id=None, traceparent=None
            )
            sent.append(
                await producer.send(
                    MATCHES.name,
                    value=event.model_dump_json(exclude_none=True).encode(),
                    key=event.subject.encode(),
                    headers=encode_headers(headers),
                )
            )
    await asyncio.gather(*sent)
    await producer.stop()


async def ends(servers: list[str]) -> dict[TopicPartition, int]:
    """Where the stream ends now, by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    await consumer._client.force_metadata_update()
    partitions = consumer.partitions_for_topic(MATCHES.name) or set()
    found: dict[TopicPartition, int] = await consumer.end_offsets(
        [TopicPartition(MATCHES.name, number) for number in partitions]
    )
    await consumer.stop()
    return found


async def commit_start(servers: list[str], group: str, start: dict[TopicPartition, int]) -> None:
    """Lets a group begin at these offsets, so that each run reads its own records only."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    consumer.assign(list(start))
    await consumer.commit(start)
    await consumer.stop()


def reaction_of(runtime: Runtime, collection: str) -> Reaction[Seen]:
    """The service under test: remembers the match, publishes that a check-in is due."""
    home = runtime.aggregates(collection, Seen, tells=(CHECK_INS,))

    def decide(state: Seen | None, event: Event[MatchAccepted], _: datetime) -> Decision[Seen]:
        match = event.payload
        seen = Seen(
            match.match_id,
            match.mentee_id,
            match.mentor_id,
            match.status,
            match.score,
            state.times_seen + 1 if state else 1,
        )
        return Decision(seen, (due(match.match_id, match.mentee_id, match.mentor_id),))

    return Reaction(MATCHES, home, decide)


async def ours(engine: Engine, run: str, records: int) -> tuple[float, float]:
    """Seconds and CPU seconds of this process for all records through our pipeline."""
    servers = list(engine.addresses.kafka)
    start = await ends(servers)
    service = f"bench-{run}"
    await commit_start(servers, f"{service}.{MATCHES.name}", start)
    await produce(servers, run, records)
    settings = ServiceSettings(
        **kafka_settings(engine.addresses),
        mongodb_url=engine.mongodb_url("followup"),
        link_secret=SecretStr("bench"),
        hash_secret=SecretStr("bench"),
        batch_size=BATCH,
    )
    runtime = Runtime(service, settings)
    reaction = reaction_of(runtime, f"ours_{run}")
    began: list[tuple[float, float]] = []

    @runtime.on(MATCHES)
    async def on_matches(batch: Batch) -> None:
        if not began:
            began.append((time.perf_counter(), cpu_s()))
        await runtime.pipeline.apply(batch, reaction)

    async with runtime.life():
        while runtime.pipeline.counts.applied < records:
            await asyncio.sleep(0.005)
        while runtime.work.handling:
            await asyncio.sleep(0.001)
        (wall, cpu) = began[0]
        result = time.perf_counter() - wall, cpu_s() - cpu
        left = await runtime.relay.unsent()
    if left:
        raise RuntimeError(f"{left} outboxes were not cleared; the measurement does not count.")
    return result


async def naive(engine: Engine, run: str, records: int) -> float:
    """Seconds for all records, one message at a time, as a first draft would be written."""
    servers = list(engine.addresses.kafka)
    start = await ends(servers)
    group = f"naive-{run}"
    await commit_start(servers, group, start)
    await produce(servers, run, records)
    collection = Database(engine.mongodb_url("followup")).collection(f"naive_{run}")
    broker = KafkaBroker(servers, acks="all", logger=None)
    done = 0
    began: list[float] = []

    @broker.subscriber(
        MATCHES.name,
        group_id=group,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def on_match(match: PlainMatch, message: KafkaMessage) -> None:
        nonlocal done
        if not began:
            began.append(time.perf_counter())
        kept = await collection.find_one({"_id": match.match_id}) or {}
        follows = due(match.match_id, match.mentee_id, match.mentor_id)
        await collection.update_one(
            {"_id": match.match_id},
            {
                "$set": {
                    "mentee_id": match.mentee_id,
                    "mentor_id": match.mentor_id,
                    "status": match.status,
                    "score": match.score,
                    "times_seen": kept.get("times_seen", 0) + 1,
                },
                "$push": {"outbox": {"id": message.headers["ce_id"], "event": follows.wire_name}},
            },
            upsert=True,
        )
        await broker.publish(
            follows, CHECK_INS.name, key=match.match_id.encode(), headers={"ce_id": run}
        )
        await collection.update_one(
            {"_id": match.match_id}, {"$pull": {"outbox": {"id": message.headers["ce_id"]}}}
        )
        done += 1

    await broker.start()
    while done < records:
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - began[0]
    await broker.stop()
    return seconds


async def bare(engine: Engine, run: str, records: int) -> float:
    """Seconds for all records in batches by hand: the limit of these drivers."""
    servers = list(engine.addresses.kafka)
    start = await ends(servers)
    group = f"bare-{run}"
    await commit_start(servers, group, start)
    await produce(servers, run, records)
    collection = Database(engine.mongodb_url("followup")).collection(f"bare_{run}")
    consumer = AIOKafkaConsumer(
        MATCHES.name,
        bootstrap_servers=servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = make_producer(servers, group)
    await producer.start()
    await consumer.start()
    done, began = 0, 0.0
    while done < records:
        fetched = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        batch = [record for part in fetched.values() for record in part]
        if not batch:
            continue
        began = began or time.perf_counter()
        await _bare_batch(collection, producer, batch)
        await consumer.commit()
        done += len(batch)
    seconds = time.perf_counter() - began
    await consumer.stop()
    await producer.stop()
    return seconds


async def _bare_batch(collection: Any, producer: AIOKafkaProducer, batch: list[Any]) -> None:
    from pymongo import UpdateOne

    events = [json.loads(record.value) for record in batch]
    ids = [event["match_id"] for event in events]
    kept = {found["_id"]: found async for found in collection.find({"_id": {"$in": ids}})}
    writes: list[Any] = []
    entries: list[tuple[str, dict[str, Any]]] = []
    for event, record in zip(events, batch, strict=True):
        match_id = event["match_id"]
        value = json.dumps({**event, "number": 1, "day": 14}).encode()
        entry = {
            "id": f"check-ins/{match_id}:{record.offset}",
            "headers": dict(record.headers),
            "value": value,
        }
        entries.append((match_id, entry))
        fields = {
            "mentee_id": event["mentee_id"],
            "mentor_id": event["mentor_id"],
            "status": event["status"],
            "score": event["score"],
            "times_seen": kept.get(match_id, {}).get("times_seen", 0) + 1,
        }
        writes.append(
            UpdateOne({"_id": match_id}, {"$set": fields, "$push": {"outbox": entry}}, upsert=True)
        )
    await collection.bulk_write(writes, ordered=False)
    sent = [
        await producer.send(
            CHECK_INS.name,
            value=entry["value"],
            key=match_id.encode(),
            headers=list(entry["headers"].items()),
        )
        for match_id, entry in entries
    ]
    await asyncio.gather(*sent)
    await collection.update_many(
        {"_id": {"$in": ids}},
        {"$pull": {"outbox": {"id": {"$in": [entry["id"] for _, entry in entries]}}}},
    )


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(engine: Engine, records: int, few: int, runs: int) -> dict[str, Any]:
    """Medians over `runs`, the three ways taking turns so that drift hits all alike."""
    ours_s, bare_s, naive_s, cpu = [], [], [], []
    for number in range(runs + 1):
        run = f"{number}-{uuid.uuid4().hex[:6]}"
        wall, cpu_used = await ours(engine, run, records)
        by_hand = await bare(engine, run, records)
        one_by_one = await naive(engine, run, few)
        if number == 0:
            continue  # The first warms caches and connections up.
        ours_s.append(records / wall)
        bare_s.append(records / by_hand)
        naive_s.append(few / one_by_one)
        cpu.append(1000 * cpu_used / records)
        print(
            f"run {number}: ours {ours_s[-1]:,.0f}/s, bare {bare_s[-1]:,.0f}/s, "
            f"naive {naive_s[-1]:,.0f}/s, {cpu[-1]:.3f} CPU ms an event",
            flush=True,
        )
    pairs = list(zip(ours_s, naive_s, bare_s, strict=True))
    return {
        "engine": engine.name,
        "records": records,
        "batch": BATCH,
        "runs": runs,
        "ours_per_s": round(statistics.median(ours_s)),
        "naive_per_s": round(statistics.median(naive_s)),
        "bare_per_s": round(statistics.median(bare_s)),
        "ours_over_naive": round(statistics.median(o / n for o, n, _ in pairs), 2),
        "ours_over_bare": round(statistics.median(o / b for o, _, b in pairs), 3),
        "cpu_ms_per_event": round(statistics.median(cpu), 4),
    }


async def main(arguments: argparse.Namespace) -> None:
    """Starts the engine, measures, writes the result."""
    var = Path(arguments.var)
    with open_engine(arguments.engine, var=var / "engines") as engine:
        await topics.apply(engine.addresses, profile="local")
        result = await measure(engine, arguments.records, arguments.few, arguments.runs)
    latency = await measure_latency(var, arguments.engine, arguments.tries)
    result["latency_ms"] = {"p50": latency.p50, "p99": latency.p99, "tries": latency.tries}
    path = var / "bench" / "pipeline.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    json.dump(result, sys.stdout, indent=2)
    print(f"\nwritten to {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="embedded")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--few", type=int, default=500, help="records for the naive way")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tries", type=int, default=100, help="pairs for the latency")
    parser.add_argument("--var", default="var")
    asyncio.run(main(parser.parse_args()))
