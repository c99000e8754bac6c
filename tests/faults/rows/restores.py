"""A database that came back from an older backup, and a broker that has lost everything."""

import asyncio
from typing import Any, Final

from pymongo import AsyncMongoClient

from deploy.local.books.records import read_topics
from deploy.local.engines import SERVICES
from shared.events.participants import ParticipantErased
from shared.events.streams import PARTICIPANTS
from tests.faults.rows import row
from tests.faults.world import World

_RESTORED: Final = ("streams",)
"""Whose database follows from events alone: what a backup lacks of it, Kafka still has. (Of mails
that went out after the backup and are no longer meant, only the mailbox would know.)"""

Copy = dict[str, list[dict[str, Any]]]


@row(25, "MongoDB restored from an older backup, then after-restore")
async def restored_from_backup(world: World) -> str:
    await world.load.start()
    await world.load.reaches(world.people // 10, within_s=20.0)
    await world.settled()
    copies = {name: await _copy(world, name) for name in _RESTORED}
    await world.load.live_on(2)
    await world.load.start(rate=100.0)
    await world.load.reaches(world.people // 5, within_s=20.0)
    await world.settled()
    lost = 0
    for name in _RESTORED:
        await world.stop_service(name)
        lost += await _put_back(world, name, copies[name])
        await world.start_service(name, {"AFTER_RESTORE": "1"})
    world.mended()
    assert lost > 0, "nothing had been written since the backup: the load is too small"
    return (
        f"{' and '.join(_RESTORED)} put back to an older state, {lost} documents fewer; started once "
        "with AFTER_RESTORE=1"
    )


async def _copy(world: World, name: str) -> Copy:
    async with AsyncMongoClient[dict[str, Any]](world.engine.addresses.mongodb_admin) as client:
        database = client[name]
        names = await database.list_collection_names()
        return {each: await database[each].find({}).to_list(None) for each in names}


async def _put_back(world: World, name: str, copy: Copy) -> int:
    """Returns how many documents there had been more."""
    async with AsyncMongoClient[dict[str, Any]](world.engine.addresses.mongodb_admin) as client:
        database = client[name]
        fewer = 0
        for each in await database.list_collection_names():
            kept = copy.get(each, [])
            fewer += await database[each].count_documents({}) - len(kept)
            await database[each].delete_many({})
            if kept:
                await database[each].insert_many(kept)
        return fewer


@row(25, "the broker lost with everything in it, then the current state sent again")
async def broker_lost(world: World) -> str:
    await world.load.start()
    await world.load.reaches(world.people // 5, within_s=30.0)
    await world.settled()
    before = await _people_of(world)
    for name in SERVICES:
        await world.stop_service(name)
    await world.empty_topics()
    await asyncio.gather(*(world.start_service(name, {"RESEND_STATE": "1"}) for name in SERVICES))
    world.mended()
    await world.settled()
    topics = await read_topics(world.engine.addresses.kafka)
    newest = {event.subject: event.sequence for event in topics.of(PARTICIPANTS)}
    assert newest == before, (
        f"{len(before)} participants were known, {len(newest)} were sent again, "
        f"{sum(newest.get(each) != number for each, number in before.items())} not as they were"
    )
    marks = {name: await _marks_of(world, name) for name in ("matching", "notifications")}
    for name, seen in marks.items():
        behind = [one for one, number in newest.items() if seen.get(one, 0) != number]
        assert not behind, f"{name} knows {len(behind)} participants otherwise than intake"
    world.judged_by_row = True
    return (
        f"all topics gone; {len(newest)} participants sent again with their last sequence, and known "
        f"alike by {' and '.join(marks)}"
    )


async def _people_of(world: World) -> dict[str, int]:
    """By participant the last sequence of her stream, as Kafka has it."""
    topics = await read_topics(world.engine.addresses.kafka)
    assert not [e for e in topics.of(PARTICIPANTS) if type(e.payload) is ParticipantErased]
    return {event.subject: event.sequence for event in topics.of(PARTICIPANTS)}


async def _marks_of(world: World, name: str) -> dict[str, int]:
    """By participant the last sequence that this service has applied."""
    async with AsyncMongoClient[dict[str, Any]](world.engine.addresses.mongodb_admin) as client:
        marks: dict[str, int] = {}
        for each in await client[name].list_collection_names():
            async for document in client[name][each].find({"seen.participants": {"$exists": True}}):
                subject = str(document["_id"]).rpartition("/")[2]
                marks[subject] = document["seen"][PARTICIPANTS.name][0]
        return marks
