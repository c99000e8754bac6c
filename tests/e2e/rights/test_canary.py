"""Where personal words go, and where they never do; and that nothing of them is left in the end."""

import asyncio
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pymongo import MongoClient

from shared.events.rights import Service
from tests.e2e.rights.canary import HER, MENTOR, Ground, running, words_in

pytestmark = pytest.mark.e2e

MAY_HOLD = {
    "intake.participants",  # it alone keeps her words
    "notifications.known",  # and this her address, to write to her
    "followup.mentorships",  # what she says in check-ins and when she needs help
}
COMPACTED_WITHIN_S = 180.0
SOON = {
    # Whatever is not named falls back to its default.
    "cleanup.policy": "compact",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "1000",
    "min.compaction.lag.ms": "0",
}


@pytest.mark.parametrize("engine", ["embedded", pytest.param("apache", marks=pytest.mark.apache)])
async def test_a_personal_word_is_where_it_must_be_and_after_erasure_nowhere(
    engine: str, tmp_path: Path
) -> None:
    async with running(tmp_path, engine) as ground:
        participant_id = await lived(ground)
        for someone in (HER, MENTOR):
            assert await ground.in_stores(someone.marks) == MAY_HOLD
            assert await ground.in_topics(someone.marks) == {"contacts"}
            assert ground.in_logs(someone.marks) == set()
            assert not await ground.in_webhooks(someone.marks)
        assert await ground.in_webhooks(("match.accepted",)), "what is there is found"

        await fetched(ground)
        # Sealed pieces lie in a topic and in intake; her address is still where it was.
        assert await ground.in_topics(HER.marks) == {"contacts"}
        assert await ground.in_stores(HER.marks) == MAY_HOLD

        proof = await erased(ground, participant_id)
        assert {answer["service"] for answer in proof["answers"]} == set(Service)
        assert await ground.in_stores(HER.marks) == set()
        assert ground.in_logs(HER.marks) == set()
        assert not await ground.in_webhooks(HER.marks)
        # What the mentor wrote in the mentorship may speak of her: it is erased too. Hers stays else.
        assert await ground.in_stores(MENTOR.marks) == MAY_HOLD - {"followup.mentorships"}
        if engine == "apache":
            await compacted(ground, "contacts", "participants")
            assert await ground.in_topics(HER.marks) == set()
        else:
            assert await ground.in_topics(HER.marks) <= {"contacts"}


async def lived(ground: Ground) -> str:
    """Two people register, meet, answer a check-in and ask for help. Her id is returned."""
    await ground.register(HER, MENTOR)
    for someone in (HER, MENTOR):
        token = await ground.link(someone, "answer")
        await ground.post("/matching/answers", {"token": token, "says_yes": "yes"})
    for someone in (HER, MENTOR):
        words = {"going": "well", "next_step": f"next {someone.mark}", "meeting_again": "yes"}
        token = await ground.link(someone, "check-in")
        await ground.post("/followup/check-ins/answers", {"token": token, **words})
        help_wanted = {"token": ground.token(someone, "me"), "text": f"help {someone.mark}"}
        await ground.post("/followup/help", help_wanted)
    page = {"Authorization": f"Bearer {ground.token(HER, 'me')}"}
    hers = await ground.http.get("/intake/me", headers=page)
    participant_id = str(hers.json()["participant_id"])
    await _send_what_cannot_be_read(ground, participant_id)
    return participant_id


async def _send_what_cannot_be_read(ground: Ground, participant_id: str) -> None:
    """Records that go to the dead letters, and one that waits in a home: with her words in them."""
    kafka = list(ground.platform.engine.addresses.kafka)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for topic in ("contacts", "participants"):
            broken = f'{{"name": "{HER.mark}"'.encode() if topic == "contacts" else b"{"
            await producer.send_and_wait(topic, broken, key=participant_id.encode())
    await ground.platform.settle()
    with MongoClient[dict[str, object]](ground.platform.engine.addresses.mongodb_admin) as client:
        parked = [
            {
                "sequence": 90,
                "partition": 0,
                "offset": 9,
                "key": participant_id.encode(),
                "headers": [],
                "value": f'{{"name": "{HER.mark}"}}'.encode(),
            }
        ]
        done = client["notifications"]["known"].update_one(
            {"_id": f"contacts/{participant_id}"}, {"$set": {"parked": {"contacts": parked}}}
        )
        assert done.modified_count == 1


async def fetched(ground: Ground) -> None:
    """Within minutes she holds everything, from all five services, in one archive."""
    await ground.post("/intake/me/export", {"token": ground.token(HER, "me")})
    began = ground.platform.clock.now()
    token = await ground.link(HER, "export")
    assert ground.platform.clock.now() == began
    answer = await ground.http.post("/intake/export", json={"token": token})
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        said = {service: set(words_in(archive.read(f"{service}.json"))) for service in Service}
        page = archive.read("my-data.html").decode()
    assert {f"goals {HER.mark}", f"request {HER.mark}", f"story {HER.mark}"} <= said[Service.INTAKE]
    assert HER.email in said[Service.NOTIFICATIONS]
    assert {f"next {HER.mark}", f"help {HER.mark}"} <= said[Service.FOLLOWUP]
    assert "accepted" in said[Service.MATCHING]
    assert any("match.accepted" in word for word in said[Service.STREAMS])
    assert 'dir="rtl"' in page
    for words in (*said.values(), {page}):
        assert not any(MENTOR.mark in word for word in words)


async def erased(ground: Ground, participant_id: str) -> dict[str, list[dict[str, str]]]:
    """She asks to be forgotten; the proof is complete at the same instant of the domain's time."""
    began = ground.platform.clock.now()
    token = ground.token(HER, "me")
    number = (await ground.post("/intake/me/erase", {"token": token})).json()["number"]
    proof = await ground.http.get(f"/intake/erasures/{number}")
    assert proof.json()["missing"] == []
    assert ground.platform.clock.now() == began
    assert participant_id not in proof.text
    again = await ground.http.post("/followup/help", json={"token": token, "text": HER.mark})
    assert again.status_code >= 400
    return dict(proof.json())


async def compacted(ground: Ground, *topics: str) -> None:
    """Has Kafka compact these topics now, and waits until her last words are all that is left."""
    kafka = list(ground.platform.engine.addresses.kafka)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, configs=SOON) for topic in topics]
        await admin.alter_configs(wanted)
    finally:
        await admin.close()
    deadline = time.monotonic() + COMPACTED_WITHIN_S
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        while await ground.in_topics(HER.marks):
            assert time.monotonic() < deadline, "the topics were not compacted in time"
            # A segment is closed by the first record that comes after its time.
            for topic in topics:
                for partition in await producer.partitions_for(topic):
                    await producer.send_and_wait(topic, b"{}", key=b"roll", partition=partition)
            await asyncio.sleep(1.0)
