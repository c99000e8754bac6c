"""What operators do about parked records, over HTTP, on the embedded engine."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from deploy.local.engines import Engine
from shared.decisions import Decision
from shared.events.check_ins import CheckInDue, CheckInStatus
from shared.events.matches import MatchAccepted
from shared.events.payload import Payload
from shared.events.streams import CHECK_INS, MATCHES
from shared.events.wire import Event, encode_headers, headers_of
from shared.messaging.reactions import Reaction
from shared.runtime import Batch, Runtime
from shared.security.keys import hash_key
from shared.settings import ServiceSettings
from tests.brokers import kafka_settings
from tests.fresh import Fresh
from tests.unit.streams.examples import NOW, example

OPERATOR = {"Authorization": "Bearer cg_operator"}
DEADLINE_S = 30.0


class Reader:
    """A service that keeps numbers of check-ins, and the ids of matches in a list of its own."""

    def __init__(self, engine: Engine, fresh: Fresh, **settings: Any) -> None:
        self.name = f"reader-{fresh.tag}"
        self.runtime = Runtime(
            self.name,
            ServiceSettings(
                **kafka_settings(engine.addresses),
                mongodb_url=engine.mongodb_url("matching"),
                link_secret=SecretStr("links"),
                hash_secret=SecretStr("hashes"),
                operator_key_hashes=hash_key("cg_operator"),
                **settings,
            ),
        )
        self.home = self.runtime.aggregates(f"numbers_{fresh.tag}", tuple)
        self.bad: set[str] = set()
        self.handled: list[str] = []
        reaction = Reaction(CHECK_INS, self.home, self._decide)

        @self.runtime.on(CHECK_INS)
        async def on_check_ins(batch: Batch) -> None:
            await self.runtime.pipeline.apply(batch, reaction)

        @self.runtime.on(MATCHES)
        async def on_matches(batch: Batch) -> None:
            if any(event.id in self.bad for event in batch):
                raise RuntimeError("a bug")
            self.handled += [event.id for event in batch]

    def _decide(self, state: Any, event: Event[CheckInDue], _: object) -> Decision[Any]:
        if event.id in self.bad:
            raise RuntimeError("a bug")
        return Decision((*(state or ()), event.payload.number))

    async def parked(self) -> dict[str, int]:
        found = await self.runtime.parking.parked()
        return {"waiting": found.waiting, "letters": found.letters}


async def until(what: Callable[[], Awaitable[Any]]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await what():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def reader(embedded: Engine, fresh: Fresh) -> AsyncIterator[Reader]:
    fresh.empty(embedded)
    reader = Reader(embedded, fresh)
    async with reader.runtime.life():
        yield reader


@pytest_asyncio.fixture
async def client(reader: Reader) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(reader.runtime.web_app())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://reader", headers=OPERATOR
    ) as client:
        yield client


@pytest.fixture
def send(embedded: Engine) -> Callable[..., Awaitable[None]]:
    async def send(*events: tuple[Payload, int], cut_off: bool = False) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=list(embedded.addresses.kafka), acks="all")
        await producer.start()
        for payload, sequence in events:
            headers = headers_of(
                payload, sequence, NOW, correlation_id="c", causation_id=None, traceparent=None
            )
            value = payload.model_dump_json().encode()
            await producer.send_and_wait(
                payload.stream.name,
                value[: len(value) // 2] if cut_off else value,
                key=payload.partition_key.encode(),
                headers=encode_headers(headers),
            )
        await producer.stop()

    return send


def check_in(subject: str, number: int) -> tuple[Payload, int]:
    status = CheckInStatus.DUE
    return example(CheckInDue, match_id=subject, number=number, status=status), number


def match(subject: str, sequence: int) -> tuple[Payload, int]:
    return example(MatchAccepted, match_id=subject), sequence


async def test_one_letter_is_released_and_the_others_stay(
    reader: Reader, client: httpx.AsyncClient, send: Callable[..., Awaitable[None]], fresh: Fresh
) -> None:
    one, other = f"{fresh.tag}-1", f"{fresh.tag}-2"
    reader.bad = {f"check-ins/{one}:1", f"check-ins/{other}:1"}
    await send(check_in(one, 1), check_in(one, 2), check_in(other, 1))
    await until(lambda: _is(reader, waiting=2))
    plan = (await client.post("/parked/release", json={"dry_run": True})).json()
    assert [fate["then"] for fate in plan["letters"]] == ["tried", "tried"]
    assert sorted(fate["behind"] for fate in plan["letters"]) == [0, 1]
    assert await reader.parked() == {"waiting": 2, "letters": 0}
    (hers,) = [fate["letter_id"] for fate in plan["letters"] if fate["behind"] == 1]
    reader.bad = set()
    done = (await client.post("/parked/release", json={"letters": [hers]})).json()
    assert (done["released"], done["still_parked"], done["left"]) == (1, 0, 0)
    assert await reader.home.load([one, other]) == {one: (1, 2)}


async def test_records_set_aside_alone_come_back_in_the_order_of_their_subject(
    reader: Reader, client: httpx.AsyncClient, send: Callable[..., Awaitable[None]], fresh: Fresh
) -> None:
    subject, other = f"{fresh.tag}-1", f"{fresh.tag}-2"
    ids = [f"matches/{subject}:{number}" for number in (1, 2, 3)]
    reader.bad = {*ids, f"matches/{other}:1"}
    await send(match(other, 1), *(match(subject, number) for number in (1, 2, 3)))
    await until(lambda: _is(reader, letters=4))
    plan = (await client.post("/parked/release", json={"dry_run": True})).json()
    last = max(
        (fate["letter_id"] for fate in plan["letters"]), key=lambda name: int(name.split(".")[-1])
    )
    reader.bad = {ids[0]}
    stopped = (await client.post("/parked/release", json={"letters": [last]})).json()
    assert (stopped["released"], stopped["still_parked"]) == (0, 3)
    assert reader.handled == []
    reader.bad = set()
    done = (await client.post("/parked/release", json={"letters": [last]})).json()
    assert done["released"] == 3
    assert reader.handled == ids
    assert await reader.parked() == {"waiting": 0, "letters": 1}


async def test_a_group_is_discarded_with_a_name_and_a_reason_and_its_subjects_go_on(
    reader: Reader, client: httpx.AsyncClient, send: Callable[..., Awaitable[None]], fresh: Fresh
) -> None:
    subject = f"{fresh.tag}-1"
    reader.bad = {f"check-ins/{subject}:2", f"matches/{subject}:1"}
    await send(*(check_in(subject, number) for number in (1, 2, 3)), match(subject, 1))
    await until(lambda: _is(reader, waiting=1, letters=1))
    group = {"stream": "check-ins", "reason": "handler_failed", "because": "lost_for_good"}
    refused = await client.post("/parked/discard", json={"stream": "check-ins"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "because"
    would = (await client.post("/parked/discard", json={**group, "dry_run": True})).json()
    assert would["discarded"] == 1
    assert await reader.parked() == {"waiting": 1, "letters": 1}
    done = (await client.post("/parked/discard", json={**group, "reference": "OPS-7"})).json()
    assert done["discarded"] == 1
    assert await reader.home.load([subject]) == {subject: (1, 3)}
    assert await reader.parked() == {"waiting": 0, "letters": 1}
    alone = {"stream": "matches", "because": "lost_for_good"}
    assert (await client.post("/parked/discard", json=alone)).json()["discarded"] == 1
    assert await reader.parked() == {"waiting": 0, "letters": 0}


async def test_what_a_service_knows_is_made_anew_by_a_start_that_reads_all_again(
    embedded: Engine, send: Callable[..., Awaitable[None]], fresh: Fresh
) -> None:
    fresh.empty(embedded)
    subject = f"{fresh.tag}-1"
    await send(*(check_in(subject, number) for number in (1, 2, 3)))

    async def knows_all(service: Reader) -> bool:
        return await service.home.load([subject]) == {subject: (1, 2, 3)}

    first = Reader(embedded, fresh)
    async with first.runtime.life():
        await until(lambda: knows_all(first))
        await first.runtime.database.collection(first.home.name).delete_many({})
    again = Reader(embedded, fresh, after_restore=True)
    async with again.runtime.life():
        await until(lambda: knows_all(again))


async def test_a_form_of_the_console_is_answered_by_going_back_to_it(
    reader: Reader, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/parked/release", data={"stream": "matches", "dry_run": "on"})
    assert answer.status_code == 303
    there = urlsplit(answer.headers["location"])
    assert there.path == "/streams/console/dead-letters"
    assert parse_qs(there.query)["did"] == ["would_release"]


async def test_only_operators_release_or_discard(reader: Reader) -> None:
    transport = httpx.ASGITransport(reader.runtime.web_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://reader") as nobody:
        for path in ("/parked/release", "/parked/discard"):
            assert (await nobody.post(path, json={})).status_code == 401


async def _is(reader: Reader, **counts: int) -> bool:
    found = await reader.parked()
    return all(found[name] == count for name, count in counts.items())


async def test_what_nobody_can_read_holds_up_nothing_that_came_behind_it(
    reader: Reader, client: httpx.AsyncClient, send: Callable[..., Awaitable[None]], fresh: Fresh
) -> None:
    # The last test of these: what it sends stays in the topic, and nobody can read it.
    subject = f"{fresh.tag}-1"
    reader.bad = {f"matches/{subject}:2"}
    await send(match(subject, 1), cut_off=True)
    await send(match(subject, 2))
    await until(lambda: _is(reader, letters=2))
    reader.bad = set()
    done = (await client.post("/parked/release", json={})).json()
    assert (done["released"], done["still_parked"], done["gone"]) == (1, 1, 0)
    assert f"matches/{subject}:2" in reader.handled
