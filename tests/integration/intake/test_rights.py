"""Her rights, against a served intake: the other services' answers are told as they would tell them."""

import base64
import json
import zipfile
import zlib
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from services.intake.domain.requests import EXPORT_KEPT
from shared.events.contacts import ContactChanged
from shared.events.participants import ParticipantErased, ParticipantUpdated
from shared.events.rights import (
    ErasureDone,
    ErasureFinished,
    ErasureRequested,
    ExportDone,
    ExportReady,
    ExportRequested,
    Service,
)
from shared.events.streams import CONTACTS, PARTICIPANTS, RIGHTS
from shared.events.wire import Event, encode_headers, headers_of
from shared.security.links import Purpose
from shared.security.sealing import seal
from tests.integration.intake.conftest import MONDAY, OPERATOR_KEY, Served, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHERS = tuple(service for service in Service if service is not Service.INTAKE)
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}


async def of_request(intake: Served, number: str) -> list[Event[Any]]:
    return [e for e in await intake.told(RIGHTS) if e.payload.request_id == number]  # type: ignore[attr-defined]


async def requested(intake: Served, number: str, kind: type[Any]) -> Any:
    found: list[Any] = []

    async def is_told() -> bool:
        found[:] = [e for e in await of_request(intake, number) if isinstance(e.payload, kind)]
        return bool(found)

    await eventually(is_told)
    return found[0].payload


def an_answer(request: Any, service: Service) -> dict[str, Any]:
    return {
        "programme": request.programme,
        "request_id": request.request_id,
        "participant_id": request.participant_id,
        "requested_at": request.requested_at,
        "service": service,
        "records": 1,
    }


async def export_part(intake: Served, request: ExportRequested, service: Service) -> None:
    """Another service's part, in two pieces."""
    key = base64.b64decode(request.public_key)
    packed = zlib.compress(json.dumps({"records": [{"of": service, "words": "кава"}]}).encode())
    for piece, part in enumerate((packed[:9], packed[9:]), start=1):
        sealed = seal(part, key, f"{request.request_id}/{service}/{piece}/2")
        told = ExportDone(
            **an_answer(request, service),
            piece=piece,
            pieces=2,
            sealed=base64.b64encode(sealed).decode(),
        )
        await intake.tell(told, sequence=piece)


async def test_a_copy_of_everything_comes_when_all_services_have_answered(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    page = {"Authorization": f"Bearer {intake.link(participant_id)}"}
    asked = await intake.http.post("/me/export", json={}, headers=page)
    assert asked.status_code == 202
    number = asked.json()["number"]
    again = await intake.http.post("/me/export", json={}, headers=page)
    assert again.json()["number"] == number
    token = intake.links.sign(
        Purpose.EXPORT,
        participant_id,
        programme=intake.programme,
        match_id=number,
        valid_for=timedelta(days=30),
    )
    fetching = {"Authorization": f"Bearer {token}"}
    request = await requested(intake, number, ExportRequested)
    for service in OTHERS[:-1]:
        await export_part(intake, request, service)
    early = await intake.http.post("/export", json={}, headers=fetching)
    assert early.status_code == 404
    unfinished = await intake.http.get("/rights", params={"unfinished": True}, headers=OPERATOR)
    assert number in [each["number"] for each in unfinished.json()["requests"]]

    await export_part(intake, request, OTHERS[-1])
    ready = await requested(intake, number, ExportReady)
    assert ready.participant_id == participant_id
    for event in await of_request(intake, number):
        assert "історія" not in event.payload.model_dump_json()
        assert "olena" not in event.payload.model_dump_json()

    looked = await intake.http.get("/export", params={"token": token})
    assert "<form" in looked.text
    assert "історія" not in looked.text
    answer = await intake.http.post("/export", json={}, headers=fetching)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == sorted(
            ["my-data.html", *(f"{service}.json" for service in Service)]
        )
        hers = json.loads(archive.read("intake.json"))
        assert hers["participant"][0]["story"] == " Моя історія \n"
        assert hers["participant"][0]["contact"]["email"] == "olena@example.org"
        readable = archive.read("my-data.html").decode()
    assert 'lang="uk"' in readable
    assert "Усе, що ми про вас зберігаємо" in readable
    assert "olena@example.org" in readable
    assert "кава" in readable

    stranger = intake.links.sign(
        Purpose.EXPORT,
        "somebody else",
        programme=intake.programme,
        match_id=number,
        valid_for=timedelta(days=30),
    )
    refused = await intake.http.post(
        "/export", json={}, headers={"Authorization": f"Bearer {stranger}"}
    )
    assert refused.status_code == 404

    intake.clock.set(MONDAY + EXPORT_KEPT + timedelta(hours=1))

    async def is_gone() -> bool:
        late = await intake.http.post("/export", json={}, headers=fetching)
        return late.status_code == 410

    await eventually(is_gone)
    kept = await intake.app.state.runtime.database.collection("requests").find_one({"_id": number})
    assert kept["state"]["key"] is None
    assert not any(answer["pieces"] for answer in kept["state"]["answers"])


async def test_erasing_leaves_a_proof_that_names_nobody(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    page = {"Authorization": f"Bearer {intake.link(participant_id)}"}
    number = (await intake.http.post("/me/erase", json={}, headers=page)).json()["number"]
    request = await requested(intake, number, ErasureRequested)
    early = (await intake.http.get(f"/erasures/{number}")).json()
    assert early["finished_at"] is None
    for service in OTHERS:
        await intake.tell(ErasureDone(**an_answer(request, service)))
    await requested(intake, number, ErasureFinished)
    proof = await intake.http.get(f"/erasures/{number}")
    assert {answer["service"] for answer in proof.json()["answers"]} == set(Service)
    assert proof.json()["missing"] == []
    assert participant_id not in proof.text
    kept = await intake.app.state.runtime.database.collection("requests").find_one({"_id": number})
    assert participant_id not in str(kept["state"])
    shown = await intake.http.get(
        f"/erasures/{number}", headers={"Accept": "text/html", "Accept-Language": "ar"}
    )
    assert 'dir="rtl"' in shown.text
    unknown = await intake.http.get("/erasures/0192-nothing")
    assert unknown.status_code == 404


async def test_nothing_old_stays_behind_an_erasure_in_the_topics(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    page = {"Authorization": f"Bearer {intake.link(participant_id)}"}
    await intake.http.post("/me/erase", json={}, headers=page)
    rights = intake.intake.rights
    assert await rights.repeat_last_words() == 0
    # A process that was held up for long sends what others had sent before.
    for event in [*await intake.told(PARTICIPANTS), *await intake.told(CONTACTS)]:
        if not event.payload.wire_name.endswith(".erased.v1"):
            await _send_again(intake, event)
    assert await rights.repeat_last_words() == 1
    assert await rights.repeat_last_words() == 0
    last = (await intake.told(PARTICIPANTS))[-1]
    assert isinstance(last.payload, ParticipantErased)


async def test_who_was_erased_is_erased_again_after_a_restore(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    people = intake.app.state.runtime.database.collection("participants")
    backup = await people.find_one({"_id": participant_id})
    page = {"Authorization": f"Bearer {intake.link(participant_id)}"}
    first = (await intake.http.post("/me/erase", json={}, headers=page)).json()["number"]
    # Until intake has answered itself: it would else forget her for the sake of the first request.
    await requested(intake, first, ErasureDone)
    await people.replace_one({"_id": participant_id}, {**backup, "outbox": []})
    runtime = intake.app.state.runtime
    published = await runtime.read_published(PARTICIPANTS)
    assert participant_id in published.erased
    runtime.erased_in_topics = frozenset({participant_id, "who was made after the backup"})
    await intake.intake.rights.forget_again()
    document = await people.find_one({"_id": participant_id})
    assert document["state"]["person"] is None
    (again,) = [
        event.payload
        for event in await intake.told(RIGHTS)
        if isinstance(event.payload, ErasureRequested) and event.payload.request_id != first
    ]
    assert again.because == "restored"
    assert again.participant_id == participant_id


async def test_a_reminder_is_stopped_by_one_post_and_by_nothing_less(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    token = intake.link(participant_id, Purpose.UNSUBSCRIBE)
    looked = await intake.http.get("/reminders", params={"token": token})
    assert "<form" in looked.text
    assert await _reminders(intake, participant_id) is True
    # As mail programs send it: RFC 8058.
    answer = await intake.http.post(
        "/reminders", params={"token": token}, data={"List-Unsubscribe": "One-Click"}
    )
    assert answer.status_code == 200
    assert await _reminders(intake, participant_id) is False
    again = {"token": intake.link(participant_id), "wanted": "yes"}
    for _ in range(2):
        assert (await intake.http.post("/me/reminders", json=again)).json() == {"reminders": True}
    assert await _reminders(intake, participant_id) is True
    other = await intake.http.post("/me/reminders", json={"token": token})
    assert other.status_code == 403
    told = [e.payload for e in await intake.told(CONTACTS) if e.subject == participant_id]
    assert [each.reminders for each in told if isinstance(each, ContactChanged)] == [
        True,
        False,
        True,
    ]


async def _reminders(intake: Served, participant_id: str) -> bool:
    found = await intake.intake.person(participant_id)
    assert isinstance(found, tuple)
    return found[1].contact.reminders


async def test_who_left_long_ago_or_never_confirmed_is_forgotten(intake: Served) -> None:
    await intake.make_programme(policy={"keep_left_days": 90, "keep_unconfirmed_days": 40})
    await intake.register()
    await intake.register(email="left@example.org")
    await intake.register(email="stays@example.org")
    people: dict[str, str] = {}
    for one in await intake.participants():
        found = await intake.intake.person(one["participant_id"])
        assert isinstance(found, tuple)
        people[found[1].contact.email] = one["participant_id"]
    for email in ("left@example.org", "stays@example.org"):
        token = intake.link(people[email], Purpose.CONFIRM)
        await intake.http.post("/confirm", json={"token": token})
    page = {"Authorization": f"Bearer {intake.link(people['left@example.org'])}"}
    await intake.http.post("/me/leave", json={}, headers=page)

    async def standing(days: int, erased: set[str]) -> None:
        intake.clock.set(MONDAY + timedelta(days=days))

        async def is_so() -> bool:
            now = {
                one["participant_id"]
                for one in await intake.participants()
                if one["status"] == "erased"
            }
            return now == {people[email] for email in erased}

        await eventually(is_so)

    await standing(39, set())
    await standing(41, {"olena@example.org"})
    await standing(91, {"olena@example.org", "left@example.org"})
    whys = {
        event.payload.because
        for event in await intake.told(RIGHTS)
        if isinstance(event.payload, ErasureRequested)
    }
    assert whys == {"retention"}


async def _send_again(intake: Served, event: Event[Any]) -> None:
    assert isinstance(event.payload, ParticipantUpdated | ContactChanged) or event.sequence == 1
    headers = headers_of(
        event.payload,
        event.sequence,
        event.time,
        correlation_id="again",
        causation_id=None,
        traceparent=None,
    )
    producer = AIOKafkaProducer(bootstrap_servers=list(intake.engine.addresses.kafka))
    await producer.start()
    try:
        await producer.send_and_wait(
            event.stream.name,
            event.payload.model_dump_json().encode(),
            key=event.payload.partition_key.encode(),
            headers=encode_headers(headers),
        )
    finally:
        await producer.stop()
