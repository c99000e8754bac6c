"""The journal on the real engine: everything that Kafka has, found again, told, and forgotten."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from deploy.local.engines import Engine
from services.streams.app import make_app
from services.streams.domain.entries import entry_of
from services.streams.service import Streams
from services.streams.settings import Settings
from services.streams.store.journal import Journal
from services.streams.store.letters import Letters
from services.streams.tail import Tail
from shared.events.care import HelpRequested
from shared.events.check_ins import CheckInDue
from shared.events.contacts import ContactChanged
from shared.events.dead_letters import RecordParked
from shared.events.lines import read_line
from shared.events.matches import MatchAccepted, MatchProposed
from shared.events.messages import MessageSent
from shared.events.participants import (
    ParticipantErased,
    ParticipantRegistered,
    ParticipantUpdated,
    Role,
)
from shared.events.payload import Payload
from shared.events.wire import encode_headers, headers_of
from shared.security.keys import hash_key
from shared.storage.database import Database
from tests.brokers import kafka_settings
from tests.conftest import Fresh  # type: ignore[attr-defined]
from tests.integration.streams.ground import until
from tests.unit.streams.examples import NOW, event, example

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATOR = {"Authorization": "Bearer cg_operator"}
COORDINATOR = {"Authorization": "Bearer cg_coordinator"}


class Kafka:
    """Sends events as their owners would."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(
        self, payload: Payload, sequence: int = 1, causation_id: str | None = None
    ) -> None:
        headers = headers_of(
            payload,
            sequence,
            NOW,
            correlation_id=f"journey-{payload.programme}",
            causation_id=causation_id,
            traceparent=None,
        )
        await self._producer.send_and_wait(
            payload.stream.name,
            payload.model_dump_json().encode(),
            key=payload.partition_key.encode(),
            headers=encode_headers(headers),
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kafka(embedded: Engine) -> AsyncIterator[Kafka]:
    producer = AIOKafkaProducer(bootstrap_servers=list(embedded.addresses.kafka), acks="all")
    await producer.start()
    yield Kafka(producer)
    await producer.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(embedded: Engine) -> AsyncIterator[httpx.AsyncClient]:
    Fresh().empty(embedded)
    settings = Settings(
        **kafka_settings(embedded.addresses),
        mongodb_url=embedded.mongodb_url("streams"),
        link_secret=SecretStr("links"),
        hash_secret=SecretStr("hashes"),
        operator_key_hashes=hash_key("cg_operator"),
        coordinator_key_hashes=hash_key("cg_coordinator"),
    )
    app = make_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://streams", headers=OPERATOR
        ) as client:
            yield client


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex[:8]


def person(tag: str, role: Role = Role.MENTEE) -> str:
    return f"{role.value}-{tag}"


def a_match(kind: type[Payload], tag: str, **changes: Any) -> Payload:
    return example(
        kind,
        programme=tag,
        match_id=f"match-{tag}",
        mentee_id=person(tag),
        mentor_id=person(tag, Role.MENTOR),
        **changes,
    )


def registered(tag: str, kind: type[Payload] = ParticipantRegistered) -> Payload:
    return example(kind, programme=tag, participant_id=person(tag), interests=("chess",))


async def entries(client: httpx.AsyncClient, **search: Any) -> list[dict[str, Any]]:
    response = await client.get("/journal", params=search)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["entries"]
    return found


async def until_entries(
    client: httpx.AsyncClient, count: int, **search: Any
) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]] | None:
        found = await entries(client, **search)
        return found if len(found) >= count else None

    found: list[dict[str, Any]] = await until(enough)
    assert len(found) == count
    return found


async def a_journey(client: httpx.AsyncClient, kafka: Kafka, tag: str) -> None:
    """Registered, proposed, accepted, asked; the messages of both sides."""
    match = f"match-{tag}"
    await kafka.send(registered(tag))
    await kafka.send(a_match(MatchProposed, tag), 1, f"participants/{person(tag)}:1")
    await kafka.send(a_match(MatchAccepted, tag), 2, f"matches/{match}:1")
    await kafka.send(a_match(CheckInDue, tag, number=1), 1, f"matches/{match}:2")
    sent = example(
        MessageSent,
        programme=tag,
        message_id=f"message-{tag}",
        recipient_id=person(tag, Role.MENTOR),
        match_id=match,
    )
    await kafka.send(sent, 1, f"check-ins/{match}:1")
    await until_entries(client, 5, correlation=f"journey-{tag}")


async def test_one_journey_is_told_across_all_services(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await a_journey(client, kafka, tag)
    told = (await client.get(f"/journeys/{person(tag)}")).json()
    assert told["matches"] == [f"match-{tag}"]
    assert sorted(entry["type"] for entry in told["entries"]) == [
        "check_in.due",
        "match.accepted",
        "match.proposed",
        "message.sent",
        "participant.registered",
    ]
    accepted = next(e for e in told["entries"] if e["type"] == "match.accepted")
    assert accepted["what"].startswith("Both said yes")
    assert told["is_cut_off"] is False
    assert (await client.get("/journeys/nobody")).status_code == 404


async def test_an_event_shows_what_led_to_it_and_what_followed(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await a_journey(client, kafka, tag)
    event_id = f"matches/match-{tag}:2"
    found = (await client.get(f"/journal/{event_id}")).json()
    assert found["id"] == event_id
    assert [cause["type"] for cause in found["causes"]] == [
        "match.proposed",
        "participant.registered",
    ]
    assert {effect["type"] for effect in found["effects"]} == {"check_in.due", "message.sent"}
    assert (await client.get("/journal/matches/none:1")).status_code == 404


async def test_the_same_event_again_is_kept_once(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    for _ in range(3):
        await kafka.send(registered(tag))
    await kafka.send(registered(tag, ParticipantUpdated), 2)
    await until_entries(client, 2, participant=person(tag))


async def test_contacts_do_not_come_in_and_dead_letters_do(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await kafka.send(example(ContactChanged, programme=tag, participant_id=person(tag)))
    await kafka.send(example(RecordParked, programme=tag, letter_id=f"letter-{tag}"))
    (letter,) = await until_entries(client, 1, correlation=f"journey-{tag}")
    assert letter["stream"] == "dead-letters"
    assert letter["subject"] == f"letter-{tag}"


async def test_it_is_searched_by_everything_together_and_page_by_page(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await a_journey(client, kafka, tag)
    care = a_match(HelpRequested, tag)
    await kafka.send(care)
    await until_entries(client, 6, correlation=f"journey-{tag}")
    match = f"match-{tag}"
    assert len(await entries(client, match=match)) == 5
    assert len(await entries(client, match=match, stream="care")) == 1
    assert len(await entries(client, match=match, stream="matches", type="match.accepted")) == 1
    assert len(await entries(client, participant=person(tag), match=match)) == 4
    assert len(await entries(client, match=match, city="no-such")) == 0
    window = {"from": "2026-01-05T09:00:00Z", "to": "2026-01-05T09:00:01Z"}
    assert len(await entries(client, match=match, **window)) == 5
    assert await entries(client, match=match, **{"from": "2026-01-05T09:00:00.001Z"}) == []
    assert await entries(client, match=match, to="2026-01-05T09:00:00Z") == []
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        params: dict[str, Any] = {"match": match, "limit": 2, "after": after}
        page = (await client.get("/journal", params=params)).json()
        seen += [entry["position"] for entry in page["entries"]]
        after = page["next"]
    assert seen == sorted(seen)
    assert len(seen) == 5


@pytest.mark.parametrize(
    "search",
    [
        {"type": "no.such"},
        {"stream": "no-such"},
        {"limit": 0},
        {"limit": 1001},
        {"after": -1},
        {"from": "yesterday"},
        {"from": "2026-01-05T09:00:00"},
        {"to": "9999-12-31T23:59:59-12:00"},
        {"after": 2**63},
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, search: dict[str, Any]
) -> None:
    response = await client.get("/journal", params=search)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


async def test_only_operators_may_look(client: httpx.AsyncClient) -> None:
    for path in ("/journal", "/journal/x", "/journeys/x", "/positions"):
        assert (await client.get(path, headers=COORDINATOR)).status_code == 403
        nobody = await client.get(path, headers={"Authorization": ""})
        assert nobody.status_code == 401


async def test_of_an_erased_participant_only_the_id_is_left(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await kafka.send(registered(tag))
    await kafka.send(registered(tag, ParticipantUpdated), 2)
    await until_entries(client, 2, participant=person(tag))
    await kafka.send(a_match(MatchProposed, tag))
    await kafka.send(example(ParticipantErased, programme=tag, participant_id=person(tag)), 3)

    async def is_stripped() -> bool:
        hers = await entries(client, participant=person(tag), stream="participants")
        return len(hers) == 3 and all("interests" not in entry["payload"] for entry in hers)

    await until(is_stripped)
    hers = await entries(client, participant=person(tag), stream="participants")
    assert hers[0]["payload"] == {"participant_id": person(tag)}
    await until_entries(client, 1, participant=person(tag), stream="matches")

    async def is_stripped_too() -> bool:
        (match,) = await entries(client, participant=person(tag), stream="matches")
        told = match["payload"]
        return bool(told["score"] == 0 and told["mentee_id"] == person(tag))

    await until(is_stripped_too)


async def test_an_instance_that_was_not_told_of_the_erasure_keeps_no_more_of_her(
    client: httpx.AsyncClient, kafka: Kafka, embedded: Engine, tag: str
) -> None:
    database = Database(embedded.mongodb_url("streams"))
    journal = Journal(database)
    another = Streams(journal, Letters(database), Tail(journal))
    await kafka.send(example(ParticipantErased, programme=tag, participant_id=person(tag)), 3)
    await until_entries(client, 1, participant=person(tag))
    await another.append([event(a_match(MatchProposed, tag))])
    (match,) = await entries(client, participant=person(tag), stream="matches")
    assert match["payload"]["score"] == 0
    database.close()


async def test_a_profile_that_comes_after_the_erasure_is_stripped_too(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await kafka.send(example(ParticipantErased, programme=tag, participant_id=person(tag)), 3)
    await until_entries(client, 1, participant=person(tag))
    await kafka.send(registered(tag, ParticipantUpdated), 2)

    async def is_stripped() -> bool:
        hers = await entries(client, participant=person(tag))
        return len(hers) == 2 and hers[1]["payload"] == {"participant_id": person(tag)}

    await until(is_stripped)


async def test_positions_are_those_of_all_that_came(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await a_journey(client, kafka, tag)
    said = (await client.get("/positions")).json()
    assert said["last_position"] == sum(said["streams"].values())
    assert said["streams"]["participants"] >= 1
    every = [e["position"] for e in await entries(client, limit=1000)]
    assert every == list(range(1, said["last_position"] + 1))


async def test_two_journals_that_get_the_same_batches_keep_each_event_once(
    client: httpx.AsyncClient, embedded: Engine, tag: str
) -> None:
    database = Database(embedded.mongodb_url("streams"))
    journals = [Journal(database), Journal(database)]
    batches = [
        [entry_of(event(a_match(CheckInDue, f"{tag}-{batch}-{n}", number=1))) for n in range(40)]
        for batch in range(8)
    ]
    await asyncio.gather(*(journal.append(batch) for journal in journals for batch in batches))
    said = (await client.get("/positions")).json()
    assert said["last_position"] == sum(said["streams"].values())
    mine = await entries(client, stream="check-ins", limit=1000)
    assert len([entry for entry in mine if tag in entry["id"]]) == 320
    database.close()


async def test_the_journal_is_exported_as_lines_that_are_read_again(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await kafka.send(registered(tag))
    await kafka.send(a_match(MatchProposed, tag))
    await until_entries(client, 2, participant=person(tag))
    answer = await client.get("/journal/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    events = [read_line(line) for line in answer.text.splitlines() if f'"{tag}"' in line]
    told = {type(event.payload): event.payload for event in events}
    assert told.keys() == {ParticipantRegistered, MatchProposed}
    assert told[ParticipantRegistered] == registered(tag)
    last = (await client.get("/positions")).json()["last_position"]
    assert (await client.get("/journal/export", params={"after": last})).text == ""
    assert (await client.get("/journal/export", headers=COORDINATOR)).status_code == 403


async def test_what_she_told_is_masked_and_a_reason_that_shows_it_is_written_down_first(
    client: httpx.AsyncClient, kafka: Kafka, tag: str
) -> None:
    await kafka.send(registered(tag))
    (entry,) = await until_entries(client, 1, participant=person(tag))
    assert entry["payload"]["interests"] == "(masked)"
    path = f"/journal/{entry['id']}"
    assert (await client.get(path)).json()["payload"]["interests"] == "(masked)"
    assert (await client.get(path, params={"show": "short"})).status_code == 422
    reason = f"Ticket {tag}: which interests?"
    shown = (await client.get(path, params={"show": reason})).json()
    assert shown["payload"]["interests"] == ["chess"]
    assert shown["payload"]["participant_id"] == person(tag)
    audit = (await client.get("/console/audit")).text
    assert reason in audit
    assert entry["id"] in audit
    await client.get("/journal/export", params={"after": entry["position"]})
    assert f"export after {entry['position']}" in (await client.get("/console/audit")).text
