"""A database that came back from an older backup, and a broker that has lost everything."""

import asyncio
from typing import Any, Final

from pymongo import AsyncMongoClient

from deploy.local.books.records import read_topics
from deploy.local.engines import SERVICES
from shared.events.participants import ParticipantErased
from shared.events.streams import PARTICIPANTS
from tests.backups import copy_of, put_back
from tests.faults.rows import row
from tests.faults.world import World

_DAYS_TO_CHECK_INS: Final = 13
_DAYS_AFTER_BACKUP: Final = 9
_ANSWERS: Final = "/followup/check-ins/answers"


@row(
    25,
    "MongoDB of each service restored from an older backup, then after-restore",
    most_people=150,
)
async def restored_from_backup(world: World) -> str:
    """One service after the other loses what it wrote since the backup; Kafka has what it said."""
    await world.load.start()
    await world.load.reaches(world.people // 2, within_s=20.0)
    await world.settled()
    await world.load.live_on(_DAYS_TO_CHECK_INS)
    copies = {name: await copy_of(world.engine, name) for name in SERVICES}
    acknowledged = set(world.load.witness.kept)
    await world.load.start(rate=100.0)
    await world.load.reaches(world.people // 5, within_s=20.0)
    await world.settled()
    await world.load.live_on(_DAYS_AFTER_BACKUP)
    # Words are in no event: of these answers followup knows afterwards that they came, not what.
    world.words_lost = {
        key
        for key, each in world.load.witness.kept.items()
        if key not in acknowledged and each.path == _ANSWERS
    }
    lost = {}
    for name in SERVICES:
        await world.stop_service(name)
        lost[name] = await put_back(world.engine, name, copies[name])
        await world.start_service(name, {"AFTER_RESTORE": "1"})
        await world.settled()
    world.mended()
    assert all(lost.values()), f"not every service had written since the backup: {lost}"
    told = ", ".join(f"{name} {count}" for name, count in lost.items())
    return (
        f"each put back to its state {_DAYS_AFTER_BACKUP} days before and started once with "
        f"AFTER_RESTORE=1; documents changed by that: {told}"
    )


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
