"""Registering and her own page, against a served process: HTTP in, MongoDB and Kafka behind it."""

import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from deploy.local.engines import Engine
from services.intake.domain.participant import Status
from services.intake.hers import everything
from shared.events.contacts import ContactChanged, ContactErased, LinkRequested
from shared.events.matches import MatchExpired, MatchStatus
from shared.events.participants import (
    ParticipantErased,
    ParticipantPaused,
    ParticipantRegistered,
    ParticipantState,
    PauseReason,
    Role,
)
from shared.events.payload import Payload, Stream
from shared.events.streams import CONTACTS, PARTICIPANTS
from shared.security.links import Purpose
from shared.storage.changes import Cause
from tests.integration.intake.conftest import (
    A_MENTEE,
    COORDINATOR_KEY,
    MONDAY,
    Served,
    eventually,
    served,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_registering_answers_alike_whether_or_not_the_address_is_known(
    intake: Served,
) -> None:
    first = await intake.register()
    second = await intake.register(name="Somebody else", story="Another story")
    assert (first.status_code, first.content) == (202, b'{"accepted":true}')
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert set(second.headers) == set(first.headers)
    assert len(await intake.participants()) == 1
    participant_id = await intake.only_one()
    about_her = [e.payload for e in await intake.told(CONTACTS) if e.subject == participant_id]
    assert [type(payload) for payload in about_her] == [ContactChanged, LinkRequested]


async def test_the_same_request_again_sends_no_link(intake: Served) -> None:
    for _ in range(2):
        answer = await intake.http.post(
            f"/programmes/{intake.programme}/participants",
            json=A_MENTEE,
            headers={"Idempotency-Key": "one"},
        )
        assert answer.status_code == 202
    told = [type(event.payload) for event in await intake.told(CONTACTS)]
    assert LinkRequested not in told


async def test_answers_take_a_multiple_of_the_same_time(embedded: Engine, clock: Path) -> None:
    async with served(embedded, clock, "alike", alike_answer_seconds=0.5) as one:
        await one.make_programme()
        for _ in range(2):
            started = time.monotonic()
            assert (await one.register()).status_code == 202
            assert 0.5 <= time.monotonic() - started < 0.7


async def test_one_network_address_asks_only_so_often(embedded: Engine, clock: Path) -> None:
    async with served(embedded, clock, "limited", requests_per_minute=3) as one:
        await one.make_programme()
        answers = [await one.register() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].headers["Retry-After"]


async def test_a_charter_that_is_not_in_force_is_refused_by_its_name(intake: Served) -> None:
    for version in ("2025-1", "", "9"):
        answer = await intake.register(charter=version)
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "charter"
        assert "2026-1" in error["reason"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"religion": "x"}, "religion"),
        ({"nationality": "x"}, "nationality"),
        ({"city": "Atlantis"}, "city"),
        ({"kinds_of_help": []}, "kinds_of_help"),
        ({"profession": "99x1"}, "profession"),
        ({"languages": "da"}, "languages"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"email": "nobody"}, "email"),
        ({"story": "a\0b"}, "story"),
    ],
)
async def test_a_field_that_cannot_be_right_is_named(
    intake: Served, wrong: dict[str, object], field: str
) -> None:
    answer = await intake.register(**wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await intake.participants() == []


async def test_her_story_comes_back_byte_for_byte_and_is_in_no_event(intake: Served) -> None:
    await intake.register()
    token = intake.link(await intake.only_one())
    me = await intake.http.get("/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["story"] == A_MENTEE["story"]
    for stream in (PARTICIPANTS, CONTACTS):
        for event in await intake.told(stream):
            assert "історія" not in event.payload.model_dump_json()


async def test_from_registering_to_being_forgotten(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    confirm = await intake.http.post(
        "/confirm", json={"token": intake.link(participant_id, Purpose.CONFIRM)}
    )
    assert confirm.json() == {"status": "active"}
    headers = {"Authorization": f"Bearer {intake.link(participant_id)}"}
    expected = {"pause": "paused", "resume": "active", "leave": "withdrawn", "erase": "erased"}
    for step, status in expected.items():
        for _ in range(2):
            answer = await intake.http.post(f"/me/{step}", json={}, headers=headers)
            assert answer.json()["status"] == status
    gone = await intake.http.get("/me", headers=headers)
    assert gone.status_code == 410
    told = [event.payload for event in await intake.told(PARTICIPANTS)]
    kinds = [type(payload).__name__.removeprefix("Participant") for payload in told]
    assert kinds == ["Registered", "Confirmed", "Paused", "Resumed", "Withdrawn", "Erased"]
    assert await last_word(intake, CONTACTS, participant_id) is ContactErased


async def test_nothing_of_who_was_erased_is_left_in_the_database(intake: Served) -> None:
    await intake.register(not_with=["somebody@example.org"])
    participant_id = await intake.only_one()
    headers = {"Authorization": f"Bearer {intake.link(participant_id)}"}
    await intake.http.post("/me/erase", json={}, headers=headers)
    await intake.app.state.runtime.relay.flush()
    runtime = intake.app.state.runtime

    async def is_cleared() -> bool:
        document = await runtime.database.collection("participants").find_one(
            {"_id": participant_id}
        )
        return not any(
            personal in str(document)
            for personal in ("Олена", "olena@", "історія", "hashes", "sat-morning")
        )

    await eventually(is_cleared)
    await intake.register()
    statuses = [found["status"] for found in await intake.participants()]
    assert sorted(statuses) == ["erased", "unconfirmed"]


async def test_a_link_opens_only_what_it_is_for(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    my_page = intake.link(participant_id)
    answer = await intake.http.post("/confirm", json={"token": my_page})
    assert answer.status_code == 403
    intake.clock.set(MONDAY + timedelta(days=31))
    late = await intake.http.get("/me", headers={"Authorization": f"Bearer {my_page}"})
    assert late.status_code == 403


async def test_asking_for_a_link_answers_alike(intake: Served) -> None:
    await intake.register()
    answers = [
        await intake.http.post("/link", json={"email": address})
        for address in ("Olena@Example.org", "nobody@example.org", "no address")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (202, b'{"accepted":true}')
    }
    told = [type(event.payload) for event in await intake.told(CONTACTS)]
    assert told.count(LinkRequested) == 1


async def test_she_changes_what_she_had_filled_in(intake: Served) -> None:
    await intake.register()
    headers = {"Authorization": f"Bearer {intake.link(await intake.only_one())}"}
    seen = (await intake.http.get("/me", headers=headers)).headers["ETag"]
    change = {"languages": ["da"], "story": "Ny historie"}
    guarded = headers | {"If-Match": seen}
    first = await intake.http.patch("/me", json=change, headers=guarded)
    assert first.status_code == 200, first.text
    second = await intake.http.patch("/me", json={"name": "Eva"}, headers=guarded)
    assert second.status_code == 409
    me = (await intake.http.get("/me", headers=headers)).json()
    assert me["profile"]["languages"] == ["da"]
    assert me["story"] == "Ny historie"
    assert me["profile"]["availability"] == ["sat-morning"]
    wrong = await intake.http.patch("/me", json={"city": "Atlantis"}, headers=headers)
    assert [error["field"] for error in wrong.json()["errors"]] == ["city"]
    unknown = await intake.http.patch("/me", json={"religion": "x"}, headers=headers)
    assert unknown.status_code == 422


async def test_whom_she_names_later_is_kept_apart_from_her_at_once(intake: Served) -> None:
    await intake.register()
    await intake.register(role="mentor", email="karen@example.org", seats=2)
    ids = {found["role"]: found["participant_id"] for found in await intake.participants()}
    headers = {"Authorization": f"Bearer {intake.link(ids['mentee'])}"}
    await intake.http.patch("/me", json={"not_with": ["Karen@Example.org"]}, headers=headers)
    await intake.http.patch("/me", json={"story": "x"}, headers=headers)
    last = await last_states(intake)
    assert last[ids["mentee"]].apart_from == (ids["mentor"],)
    assert last[ids["mentor"]].apart_from == (ids["mentee"],)
    export, of_mentor = [
        everything(*(await intake.app.state.intake.person(ids[role])))
        for role in ("mentee", "mentor")
    ]
    assert export["not_with"]["people"] == 1
    assert ids["mentee"] not in str(of_mentor)
    await intake.http.patch("/me", json={"not_with": []}, headers=headers)
    last = await last_states(intake)
    assert last[ids["mentee"]].apart_from == ()
    assert last[ids["mentor"]].apart_from == ()


async def last_states(intake: Served) -> dict[str, ParticipantState]:
    return {
        event.subject: event.payload
        for event in await intake.told(PARTICIPANTS)
        if isinstance(event.payload, ParticipantState)
    }


async def test_what_a_crash_cut_off_between_the_writes_is_finished(intake: Served) -> None:
    registrar = intake.intake.registrar
    resolve = registrar.resolve
    registrar.resolve = _crash  # type: ignore[method-assign]
    try:
        answer = await intake.register()
        assert answer.status_code == 500
    finally:
        registrar.resolve = resolve  # type: ignore[method-assign]
    (found,) = await intake.participants()
    assert found["status"] == Status.REGISTERING.value
    assert await intake.told(PARTICIPANTS) == []
    intake.clock.set(MONDAY + timedelta(hours=12))

    async def is_finished() -> bool:
        (found,) = await intake.participants()
        return bool(found["status"] != Status.REGISTERING.value)

    await eventually(is_finished)
    (event,) = await intake.told(PARTICIPANTS)
    assert isinstance(event.payload, ParticipantRegistered)


async def _crash(ids: object, cause: Cause) -> None:
    raise RuntimeError("the process dies here")


async def test_who_lets_proposals_pass_is_paused_kindly(intake: Served) -> None:
    await intake.import_csv(
        "role,name,email,municipality,languages,wants_or_offers,charter\n"
        "mentee,Olena,olena@example.org,Odense,uk,job_search,2026-1\n"
    )
    participant_id = await intake.only_one()
    for sequence, in_a_row in ((1, 1), (2, 2)):
        expired = MatchExpired(
            programme=intake.programme,
            match_id=f"m-{intake.programme}-{sequence}",
            mentee_id=participant_id,
            mentor_id="somebody",
            status=MatchStatus.EXPIRED,
            score=500,
            unanswered_by=Role.MENTEE,
            unanswered_in_a_row=in_a_row,
        )
        await intake.tell(expired)
        await intake.tell(expired)

    async def is_paused() -> bool:
        (found,) = await intake.participants()
        return bool(found["status"] == "paused")

    await eventually(is_paused)
    paused = [
        event.payload
        for event in await intake.told(PARTICIPANTS)
        if isinstance(event.payload, ParticipantPaused)
    ]
    assert [payload.reason for payload in paused] == [PauseReason.NO_ANSWER]


async def test_a_mentor_is_screened_where_the_programme_asks_for_it(intake: Served) -> None:
    await intake.make_programme(policy={"screening_of_mentors": True})
    await intake.register(role="mentor", seats=1)
    participant_id = await intake.only_one()
    token = intake.link(participant_id, Purpose.CONFIRM)
    confirmed = await intake.http.post("/confirm", json={"token": token})
    assert confirmed.json() == {"status": "awaiting_screening"}
    url = f"/participants/{participant_id}/screen"
    assert (await intake.http.post(url)).status_code == 401
    headers = {"Authorization": f"Bearer {COORDINATOR_KEY}"}
    assert (await intake.http.post(url, headers=headers)).json() == {"status": "active"}


async def test_coordinators_see_who_is_there_in_pages_without_contact_data(
    intake: Served,
) -> None:
    for number in range(5):
        await intake.register(email=f"p{number}@example.org", name="Hemmelig")
    headers = {"Authorization": f"Bearer {COORDINATOR_KEY}"}
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        answer = await intake.http.get(
            f"/programmes/{intake.programme}/participants",
            params={"limit": 2, "after": after, "status": "unconfirmed", "city": "461"},
            headers=headers,
        )
        assert "Hemmelig" not in answer.text
        assert "example.org" not in answer.text
        seen += [found["participant_id"] for found in answer.json()["participants"]]
        after = answer.json()["after"]
    assert len(seen) == len(set(seen)) == 5
    assert await intake.participants(city="101") == []


async def test_an_unknown_programme_is_not_found(intake: Served) -> None:
    answer: httpx.Response = await intake.http.post("/programmes/none/participants", json=A_MENTEE)
    assert answer.status_code == 404


async def test_erased_is_the_last_word_on_every_stream(intake: Served) -> None:
    await intake.register()
    participant_id = await intake.only_one()
    headers = {"Authorization": f"Bearer {intake.link(participant_id)}"}
    await intake.http.post("/me/erase", json={}, headers=headers)
    for step in ("pause", "resume", "leave", "confirm"):
        answer = await intake.http.post(f"/me/{step}", json={}, headers=headers)
        assert answer.status_code == 410
    await intake.http.post("/link", json={"email": A_MENTEE["email"]})
    assert await last_word(intake, PARTICIPANTS, participant_id) is ParticipantErased
    assert await last_word(intake, CONTACTS, participant_id) is ContactErased


async def last_word(intake: Served, stream: Stream, participant_id: str) -> type[Payload]:
    told = [event for event in await intake.told(stream) if event.subject == participant_id]
    return type(told[-1].payload)
