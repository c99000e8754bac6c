"""The door to Kafka after the journal came back from a backup, with the topics of grants ahead of it."""

import asyncio
import uuid
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient

from deploy.local.engines.local import LocalEngine
from services.streams.kafka_access import name_of
from tests.backups import copy_of, put_back
from tests.integration.streams.ground import ODENSE, open_ground, until
from tests.integration.streams.test_kafka_door import (
    WITHIN_S,
    as_event,
    expected,
    last_of,
    opened,
    reading,
    up_to,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.apache]


async def test_a_topic_that_is_ahead_of_a_restored_journal_gets_every_event_all_the_same(
    secured: LocalEngine,
) -> None:
    """What comes into the journal again has other positions, in part those that the topic has already."""
    tag = uuid.uuid4().hex[:8]
    async with open_ground(secured, kafka_door=True) as ground:
        grant = await ground.granted()
        password = await opened(secured, grant)
        group = f"{name_of(grant['grant_id'])}.r"
        backed_up = await ground.lives(f"{tag}-kept", 3, [ODENSE])
        kept = await expected(ground, grant, 0, backed_up)
        async with reading(secured, grant, password, group) as consumer:
            assert await up_to(consumer, last_of(kept)) == kept
            await _until_noted(secured, grant, last_of(kept))
            copy = await copy_of(secured, "streams")
            lost = await ground.lives(f"{tag}-lost", 9, [ODENSE])
            shown = await expected(ground, grant, backed_up, lost)
            await up_to(consumer, last_of(shown))
    await put_back(secured, "streams", copy)
    async with open_ground(secured, empty=False, kafka_door=True, instance="2") as ground:
        # Others come before those that were lost, and these come again, as from the streams in Kafka.
        await ground.lives(f"{tag}-new", 3, [ODENSE])
        first = await ground.journal.last_position()
        assert first < last_of(shown), "the journal must be behind the topic when the door opens"
        everything = await expected(ground, grant, 0, first)
        async with reading(secured, grant, password, f"{group}2") as consumer:
            await _until_there(consumer, {event["id"] for event in everything})
            end = await ground.lives(f"{tag}-lost", 9, [ODENSE])
            everything = await expected(ground, grant, 0, end)
            assert {event["id"] for event in shown} < {event["id"] for event in everything}
            again = {event["id"] for event in everything if int(event["position"]) > first}
            await _until_there(consumer, again)


async def _until_there(consumer: AIOKafkaConsumer, wanted: set[str]) -> None:
    """Reads on until every event of these ids has come; an event may come twice."""
    missing = set(wanted)
    while missing:
        record = await asyncio.wait_for(consumer.getone(), WITHIN_S)
        missing.discard(as_event(record)["id"])


async def _until_noted(engine: LocalEngine, grant: dict[str, Any], position: int) -> None:
    async with AsyncMongoClient[dict[str, Any]](engine.addresses.mongodb_admin) as client:

        async def noted() -> bool:
            found = await client["streams"]["topics"].find_one(
                {"_id": f"topics/{grant['grant_id']}"}
            )
            return found is not None and found["position"] >= position

        await until(noted)
