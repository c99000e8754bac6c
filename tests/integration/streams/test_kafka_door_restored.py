"""The door to Kafka after the journal came back from a backup, with the topics of grants ahead of it."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient

from deploy.local.engines.local import LocalEngine
from services.streams.kafka_access import name_of
from tests.backups import copy_of, put_back
from tests.integration.streams.doors import all_through_the_feed
from tests.integration.streams.ground import ODENSE, open_ground, until
from tests.integration.streams.test_kafka_door import (
    WITHIN_S,
    as_event,
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
    shown = await _shown_and_lost(secured)
    async with open_ground(secured, empty=False, kafka_door=True, instance="2") as ground:
        # Others come before those that were lost, and these come again, as from the streams in Kafka.
        await ground.lives(f"{shown.tag}-new", 3, [ODENSE])
        first = await ground.journal.last_position()
        assert first < shown.last, "the journal must be behind the topic when the door opens"
        everything = await all_through_the_feed(ground, shown.grant, 0, first)
        async with reading(secured, shown.grant, shown.password, shown.group) as consumer:
            await _until_there(consumer, {event["id"] for event in everything})
            end = await ground.lives(f"{shown.tag}-lost", 9, [ODENSE])
            everything = await all_through_the_feed(ground, shown.grant, 0, end)
            assert shown.ids < {event["id"] for event in everything}
            again = {event["id"] for event in everything if int(event["position"]) > first}
            await _until_there(consumer, again)


async def test_a_restored_journal_that_has_outgrown_the_topic_is_noticed_by_what_stands_where(
    secured: LocalEngine,
) -> None:
    shown = await _shown_and_lost(secured)
    async with open_ground(secured, empty=False, instance="2") as ground:
        await ground.lives(f"{shown.tag}-new", 3, [ODENSE])
        end = await ground.lives(f"{shown.tag}-lost", 9, [ODENSE])
        assert end > shown.last, "the journal must be ahead of the topic before the door opens"
        everything = await all_through_the_feed(ground, shown.grant, 0, end)
    async with (
        open_ground(secured, empty=False, kafka_door=True, instance="3"),
        reading(secured, shown.grant, shown.password, shown.group) as consumer,
    ):
        await _until_there(consumer, {event["id"] for event in everything})


@dataclass(frozen=True)
class _Shown:
    """What a grant's topic holds, of which the journal has lost the greater part. last: its last position."""

    tag: str
    grant: dict[str, Any]
    password: str
    group: str
    ids: set[str]
    last: int


async def _shown_and_lost(engine: LocalEngine) -> _Shown:
    """Events are shown, the journal is copied, more are shown, and the copy is put back."""
    tag = uuid.uuid4().hex[:8]
    async with open_ground(engine, kafka_door=True) as ground:
        grant = await ground.granted()
        password = await opened(engine, grant)
        group = f"{name_of(grant['grant_id'])}.r"
        backed_up = await ground.lives(f"{tag}-kept", 3, [ODENSE])
        kept = await all_through_the_feed(ground, grant, 0, backed_up)
        async with reading(engine, grant, password, group) as consumer:
            assert await up_to(consumer, last_of(kept)) == kept
            await _until_noted(engine, grant, last_of(kept))
            copy = await copy_of(engine, "streams")
            lost = await ground.lives(f"{tag}-lost", 9, [ODENSE])
            shown = await all_through_the_feed(ground, grant, backed_up, lost)
            await up_to(consumer, last_of(shown))
    await put_back(engine, "streams", copy)
    ids = {event["id"] for event in shown}
    return _Shown(tag, grant, password, f"{group}2", ids, last_of(shown))


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
