"""The whole service on the real engine: events come in by Kafka, mails go out, events tell of it.

One service runs for all tests of this file, since joining seven consumer groups takes its time; each
test has people, a programme and addresses of its own.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

from deploy.local.engines import Engine
from services.notifications.domain.message import Message, Stage
from services.notifications.store import Store
from shared.events import participants
from shared.events.contacts import ContactRole, LinkRequested
from shared.events.matches import MatchStatus
from shared.events.messages import FailureReason, MessageKind
from shared.events.participants import ParticipantStatus
from shared.events.payload import Payload
from shared.events.programmes import ProgrammeChanged
from shared.runtime import Runtime
from tests.component.notifications.smtp_server import Taken
from tests.integration.notifications.conftest import (
    COORDINATOR_KEY,
    Platform,
    running,
    surroundings,
    until,
)
from tests.unit.notifications import builders as a
from tests.unit.notifications.builders import COORDINATOR, MENTEE, MENTOR

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAMES = ("programme", "participant_id", "mentee_id", "mentor_id", "match_id", "email")


class Service:
    """The running service, what goes in and what comes out, under names of one test alone."""

    def __init__(self, platform: Platform, app: FastAPI, producer: AIOKafkaProducer) -> None:
        self.platform = platform
        self.app = app
        self.producer = producer
        self.runtime: Runtime = app.state.runtime
        self.store = Store(self.runtime)
        self.tag = ""

    def my(self, name: str) -> str:
        return f"{self.tag}.{name}"

    async def hears(self, *payloads: Payload) -> None:
        await self.platform.publish(self.producer, *(self._renamed(one) for one in payloads))

    def _renamed(self, payload: Payload) -> Payload:
        names = {name: getattr(payload, name) for name in _NAMES if hasattr(payload, name)}
        changes: dict[str, Any] = {name: self.my(value) for name, value in names.items() if value}
        if isinstance(payload, ProgrammeChanged):
            changes["coordinators"] = tuple(
                one.model_copy(
                    update={
                        "coordinator_id": self.my(one.coordinator_id),
                        "deputy": one.deputy and self.my(one.deputy),
                    }
                )
                for one in payload.coordinators
            )
        return payload.model_copy(update=changes)

    async def messages(self, **filters: str) -> list[Message]:
        query = {f"state.{name}": value for name, value in filters.items()}
        query["state.programme"] = self.my(a.PROGRAMME)
        return [message async for _, message in self.store.messages.find(query)]

    async def message(self, kind: MessageKind, stage: Stage, recipient: str = MENTEE) -> Message:
        """The message of this kind, as soon as it stands there."""

        async def found() -> list[Message]:
            return await self.messages(
                kind=kind.value, stage=stage.value, recipient_id=self.my(recipient)
            )

        (message,) = await until(found)
        assert isinstance(message, Message)
        return message

    def mails_to(self, email: str) -> list[Taken]:
        return self.platform.mails.to(self.my(email))

    async def get(self, path: str, key: str | None = COORDINATOR_KEY) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(
    embedded: Engine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("notifications")
        platform = await stack.enter_async_context(surroundings(embedded, folder))
        app = await stack.enter_async_context(running(platform.settings()))
        producer = AIOKafkaProducer(bootstrap_servers=list(embedded.addresses.kafka), acks="all")
        await producer.start()
        stack.push_async_callback(producer.stop)
        yield Service(platform, app, producer)


@pytest.fixture
def service(started: Service) -> Service:
    """It is noon, and nobody is known yet."""
    started.tag = uuid.uuid4().hex[:8]
    started.platform.clock.set(a.NOON)
    return started


async def test_a_journey_from_registration_to_a_match(service: Service) -> None:
    mentor_contact = a.contact(
        participant_id=MENTOR,
        role=ContactRole.MENTOR,
        name="Kirsten Holm",
        email="kirsten@mentors.example",
        locale="da",
    )
    unconfirmed = a.participant(
        participants.ParticipantRegistered, status=ParticipantStatus.UNCONFIRMED
    )
    # Messages wait for contacts that have not come yet: contacts is another stream.
    await service.hears(a.programme_changed(), unconfirmed)
    await service.message(MessageKind.CONFIRM_ADDRESS, Stage.WAITING_FOR_CONTACT)
    await service.hears(a.contact(), mentor_contact)
    sent = await service.message(MessageKind.CONFIRM_ADDRESS, Stage.SENT)
    assert sent.sent_at == a.NOON

    await service.hears(a.proposed())
    await service.message(MessageKind.PROPOSAL_TO_MENTEE, Stage.SENT)
    assert service.mails_to("kirsten@mentors.example") == []
    await service.hears(a.mentee_accepted())
    await service.message(MessageKind.PROPOSAL_TO_MENTOR, Stage.SENT, MENTOR)
    assert not any(
        "amina@mentees.example" in one.text for one in service.mails_to("kirsten@mentors.example")
    )
    await service.hears(a.accepted())
    await service.message(MessageKind.MATCH_ACCEPTED, Stage.SENT, MENTOR)
    await service.message(MessageKind.MATCH_ACCEPTED, Stage.SENT)
    introduction = service.mails_to("kirsten@mentors.example")[-1]
    assert "amina@mentees.example" in introduction.text
    assert introduction.mail["Content-Language"] == "da"

    await service.hears(
        a.help_requested(),
        a.contact(
            participant_id=COORDINATOR, role=ContactRole.COORDINATOR, email="city@network.example"
        ),
    )
    await service.message(MessageKind.HELP_NEEDED, Stage.SENT, COORDINATOR)
    assert "Odense" in service.mails_to("city@network.example")[0].text

    # What a coordinator can look up.
    assert (await service.get("/messages", key=None)).status_code == 401
    answer = await service.get(f"/messages?recipient={service.my(MENTEE)}&status=sent&limit=2")
    shown = answer.json()
    assert [len(shown["messages"]), shown["next"] is not None] == [2, True]
    rest = (
        await service.get(f"/messages?recipient={service.my(MENTEE)}&after={shown['next']}")
    ).json()
    assert {one["kind"] for one in (*shown["messages"], *rest["messages"])} == {
        "confirm_address",
        "proposal_to_mentee",
        "match_accepted",
    }
    assert "amina" not in answer.text.lower()

    # Quiet: everything consumed and sent, nothing open.
    async def quiet() -> bool:
        work = await service.runtime.describe_work()
        return work["looked_at"] is not None and not any(work["open"].values())

    await until(quiet)


async def test_at_night_it_waits_for_the_morning_and_what_is_over_is_not_sent(
    service: Service,
) -> None:
    night, morning = a.NOON + timedelta(hours=10), a.NOON + timedelta(hours=19)
    service.platform.clock.set(night)
    await service.hears(a.programme_changed(), a.contact(), a.proposed())
    held = await service.message(MessageKind.PROPOSAL_TO_MENTEE, Stage.HELD)
    assert held.send_at == morning

    async def wakes_in_the_morning() -> bool:
        work = await service.runtime.describe_work()
        return bool(work["next_at"] == "2026-03-03T07:00:00.000Z")

    await until(wakes_in_the_morning)
    await service.hears(a.withdrawn())

    async def known_as_withdrawn() -> bool:
        known = await service.store.matches.get(service.my(a.MATCH))
        return known is not None and known.status is MatchStatus.WITHDRAWN

    await until(known_as_withdrawn)
    service.platform.clock.set(morning)
    failed = await service.message(MessageKind.PROPOSAL_TO_MENTEE, Stage.FAILED)
    assert failed.failure is FailureReason.NO_LONGER_MEANT
    assert service.mails_to("amina@mentees.example") == []


async def test_whoever_is_erased_is_forgotten_and_gets_nothing_more(service: Service) -> None:
    night = a.NOON + timedelta(hours=10)
    service.platform.clock.set(night)
    await service.hears(a.programme_changed(), a.contact(), a.still_waiting())
    await service.message(MessageKind.STILL_WAITING, Stage.HELD)

    await service.hears(a.contact_erased())
    await service.message(MessageKind.STILL_WAITING, Stage.FAILED)

    async def erased() -> Any:
        known = await service.store.contacts.get(service.my(MENTEE))
        return known if known is not None and known.erased else None

    contact = await until(erased)
    assert (contact.name, contact.email) == ("", "")
    for name in ("messages", "known"):
        documents = await service.runtime.database.collection(name).find({}).to_list(None)
        assert service.my("amina@") not in str(documents)


async def test_an_event_that_comes_twice_writes_once(service: Service) -> None:
    await service.hears(a.programme_changed(), a.contact(), a.contact(LinkRequested))
    service.platform.sequences.clear()
    await service.hears(a.programme_changed(), a.contact(), a.contact(LinkRequested))
    await service.hears(a.proposed(match_id="after-them"))
    await service.message(MessageKind.PROPOSAL_TO_MENTEE, Stage.SENT)
    await service.message(MessageKind.YOUR_LINK, Stage.SENT)

    kinds = [message.kind for message in await service.messages()]
    assert sorted(kinds) == [MessageKind.PROPOSAL_TO_MENTEE, MessageKind.YOUR_LINK]
    assert len(service.mails_to("amina@mentees.example")) == 2


async def test_a_coordinators_message_waits_for_its_programme(service: Service) -> None:
    coordinator = a.contact(participant_id=COORDINATOR, role=ContactRole.COORDINATOR)
    # In one fetch: what comes in a later one waits until this one has been handled (0056).
    await service.hears(coordinator, a.held(), a.programme_changed())

    await service.message(MessageKind.REVIEW_WAITING, Stage.SENT, COORDINATOR)


async def test_a_programme_without_coordinators_shows_that_nobody_was_told(
    service: Service,
) -> None:
    await service.hears(a.programme_changed(coordinators=()))
    await until(lambda: service.store.programmes.get(service.my(a.PROGRAMME)))
    await service.hears(a.held())

    (failed,) = await until(lambda: service.messages(kind="review_waiting"))
    assert failed.stage is Stage.FAILED
    assert failed.failure is FailureReason.NO_CONTACT
