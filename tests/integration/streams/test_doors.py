"""The doors on the real engine: who is granted Odense gets Odense, all of it, whenever she comes."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat

from deploy.local.engines import Engine
from services.streams.api import event_stream
from services.streams.domain.integration import BY_WIRE_NAME
from shared.storage.database import Database
from tests.integration.streams.doors import (
    EVERY_DOOR,
    Door,
    messages,
    through_server_sent_events,
    through_the_feed,
)
from tests.integration.streams.ground import (
    AARHUS,
    COORDINATOR,
    ODENSE,
    OPERATOR,
    SAMSOE,
    Ground,
    bearer,
    open_ground,
    until,
    until_listening,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(embedded: Engine) -> AsyncIterator[Ground]:
    async with open_ground(embedded, readers_per_grant=3) as one:
        yield one


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex[:8]


def every_door(test: Any) -> Any:
    return pytest.mark.parametrize("door", EVERY_DOOR, ids=lambda door: door.__name__)(test)


def values_of(events: list[dict[str, Any]]) -> set[str]:
    """All values as text. Whole ones: in a pseudonym any three digits may stand."""
    return {str(value) for event in events for value in (*event.values(), *event["data"].values())}


@every_door
async def test_a_key_for_odense_never_gets_an_event_of_aarhus(
    door: Door, ground: Ground, tag: str
) -> None:
    odense = await ground.granted()
    aarhus = await ground.granted(name="Aarhus Kommune", cities=[AARHUS])
    before = await ground.journal.last_position()
    end = await ground.lives(tag, 12)
    for stream, expected in (("matches", 14), ("check-ins", 6)):
        of_odense = await door(ground, odense, stream, before, end)
        of_aarhus = await door(ground, aarhus, stream, before, end)
        assert len(of_odense) == len(of_aarhus) == expected
        assert {event["city"] for event in of_odense} == {ODENSE}
        assert {event["data"]["city"] for event in of_odense} == {ODENSE}
        assert {event["city"] for event in of_aarhus} == {AARHUS}
        assert AARHUS not in values_of(of_odense)
        assert tag not in json.dumps(of_odense), "an id of ours came through"


@every_door
async def test_who_was_off_for_a_day_ends_with_the_same_events(
    door: Door, ground: Ground, tag: str
) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()
    first = await ground.lives(f"{tag}-1", 8)
    got = await door(ground, grant, "matches", before, first)
    second = await ground.lives(f"{tag}-2", 12)
    third = await ground.lives(f"{tag}-3", 10)
    got += await door(ground, grant, "matches", first, third)
    assert second < third
    never_off = await through_the_feed(ground, grant, "matches", before, third)
    assert got == never_off
    positions = [int(event["position"]) for event in got]
    assert positions == sorted(set(positions))
    assert len({event["id"] for event in got}) == len(got)
    assert await door(ground, grant, "matches", third, third) == []


@every_door
async def test_two_integrators_cannot_join_what_they_get(
    door: Door, ground: Ground, tag: str
) -> None:
    before = await ground.journal.last_position()
    end = await ground.lives(tag, 6)
    names = []
    for name in ("Odense Kommune", "A language school"):
        grant = await ground.granted(name=name)
        events = await door(ground, grant, "matches", before, end)
        assert events
        names.append(
            {
                value
                for event in events
                for value in (
                    event["id"],
                    event["subject"],
                    *map(event["data"].get, ("match", "mentee", "mentor")),
                )
            }
        )
    assert names[0].isdisjoint(names[1])


@every_door
async def test_a_small_municipality_comes_through_as_its_region(
    door: Door, ground: Ground, tag: str
) -> None:
    grant = await ground.granted(cities=[], regions=["Midtjylland"])
    before = await ground.journal.last_position()
    end = await ground.lives(tag, 6, cities=[SAMSOE, AARHUS])
    events = await door(ground, grant, "matches", before, end)
    assert events
    assert all("city" not in event and "city" not in event["data"] for event in events)
    assert {event["data"]["region"] for event in events} == {"Midtjylland"}
    assert SAMSOE not in values_of(events)


@every_door
async def test_what_comes_through_is_of_the_contract(door: Door, ground: Ground, tag: str) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()
    end = await ground.lives(tag, 6)
    for stream in ("matches", "check-ins"):
        for event in await door(ground, grant, stream, before, end):
            BY_WIRE_NAME[event["type"]].model_validate_json(json.dumps(event["data"]))


# The feed ---------------------------------------------------------------------------------------


async def test_the_cloudevents_sdk_reads_a_batch(ground: Ground, tag: str) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()
    await ground.lives(tag, 6)
    answer = await ground.http.get(
        "/feed/matches", params={"after": before}, headers=bearer(grant["key"])
    )
    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    events = answer.json()
    assert events
    for one in events:
        message = HTTPMessage(
            {"content-type": "application/cloudevents+json"}, json.dumps(one).encode()
        )
        read = from_http_event(message, JSONFormat())
        assert read.get_id() == one["id"]
        assert read.get_type() == one["type"]
        assert read.get_extension("position") == one["position"]
        assert read.get_data() == one["data"]


async def test_the_next_request_is_where_the_link_says(ground: Ground, tag: str) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()
    await ground.lives(tag, 6)
    headers = bearer(grant["key"])
    path = f"/feed/matches?after={before}&limit=2&type=match.accepted&type=match.ended"
    first = await ground.http.get(path, headers=headers)
    link = first.headers["link"]
    assert link.endswith('>; rel="next"')
    second = await ground.http.get(
        str(httpx.URL(ground.url + path).join(link[1:].partition(">")[0])), headers=headers
    )
    kinds = [event["type"].split(".")[-2] for event in (*first.json(), *second.json())]
    assert kinds == ["accepted", "ended"]


async def test_a_grant_that_sees_little_still_gets_on(ground: Ground, tag: str) -> None:
    grant = await ground.granted(cities=["101"])
    end = await ground.lives(tag, 9)
    answer = await ground.http.get("/feed/matches", headers=bearer(grant["key"]))
    assert answer.json() == []
    assert int(answer.headers["Commonground-Position"]) >= end


async def test_who_waits_is_answered_as_soon_as_there_is_something(
    ground: Ground, tag: str
) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()
    params = {"after": before, "wait": 30}
    asking = asyncio.create_task(
        ground.http.get("/feed/matches", params=params, headers=bearer(grant["key"]))
    )

    async def waits() -> bool:
        return bool(ground.app.state.gate.waiting(grant["grant_id"]) == 1)

    await until(waits)
    # Nothing that she may see: she waits on.
    await ground.lives(f"{tag}-other", 2, cities=[AARHUS])
    work = await ground.runtime.describe_work()
    assert work["open"]["requests"] == 0, "who waits holds the clock"
    assert not asking.done()
    await ground.lives(tag, 1, cities=[ODENSE])
    answer = await asyncio.wait_for(asking, 10)
    assert [event["city"] for event in answer.json()][:1] == [ODENSE]


async def test_who_waits_in_vain_gets_an_empty_batch(ground: Ground) -> None:
    grant = await ground.granted(cities=["101"])
    last = await ground.journal.last_position()
    answer = await ground.http.get(
        "/feed/matches", params={"after": last, "wait": 1}, headers=bearer(grant["key"])
    )
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"city": AARHUS}, 403, "not for 751"),
        ({"programme": "another"}, 403, "for the programme 'kvinfo'"),
        ({"type": "match.held"}, 422, "The types of 'matches' are"),
        ({"type": "check_in.due"}, 422, "The types of 'matches' are"),
        ({"limit": 0}, 422, "named with its reason"),
        ({"wait": 31}, 422, "named with its reason"),
        ({"after": -1}, 422, "named with its reason"),
        ({"after": 2**62}, 410, "was restored"),
    ],
)
@pytest.mark.parametrize("path", ["/feed/matches", "/feed/matches/stream"])
async def test_what_is_not_granted_or_makes_no_sense_is_refused(
    ground: Ground, path: str, query: dict[str, Any], status: int, words: str
) -> None:
    if path.endswith("stream") and not {"limit", "wait"}.isdisjoint(query):
        pytest.skip("a stream has no limit")
    grant = await ground.granted(streams=["matches"])
    headers = bearer(grant["key"])
    answer = await ground.http.get(path, params=query, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("city", [SAMSOE, "999"])
async def test_nobody_can_ask_for_a_small_municipality_alone(ground: Ground, city: str) -> None:
    grant = await ground.granted(all_cities=True)
    answer = await ground.http.get(
        "/feed/matches", params={"city": city}, headers=bearer(grant["key"])
    )
    assert answer.status_code == 403
    assert f"not for {city}" in answer.json()["detail"]


@pytest.mark.parametrize("last_id", ["yesterday", "-1", "9" * 5_000, "1.5"])
async def test_an_id_that_is_no_position_is_refused(ground: Ground, last_id: str) -> None:
    grant = await ground.granted()
    headers = {**bearer(grant["key"]), "Last-Event-ID": last_id}
    answer = await ground.http.get("/feed/matches/stream", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


async def test_a_stream_that_is_not_granted_is_refused(ground: Ground) -> None:
    grant = await ground.granted(streams=["matches"])
    for path in ("/feed/check-ins", "/feed/check-ins/stream"):
        assert (await ground.http.get(path, headers=bearer(grant["key"]))).status_code == 403
    for path in ("/feed/care", "/feed/participants", "/feed/contacts"):
        assert (await ground.http.get(path, headers=bearer(grant["key"]))).status_code == 422


# Server-sent events -----------------------------------------------------------------------------


async def test_a_stream_tells_what_happens_from_now_on(ground: Ground, tag: str) -> None:
    grant = await ground.granted()
    headers = bearer(grant["key"])
    async with ground.http.stream("GET", "/feed/matches/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = messages(answer)
        assert (await anext(told))["retry"] == "2000"
        await until_listening(ground, 1)
        await ground.lives(tag, 2)
        while "data" not in (event := await asyncio.wait_for(anext(told), 10)):
            pass
        whole = json.loads(event["data"])
        assert event["event"] == whole["type"] == "commonground.integration.match.proposed.v1"
        assert event["id"] == whole["position"]
        work = await ground.runtime.describe_work()
        assert work["open"]["requests"] == 0, "an open stream holds the clock"


async def test_a_quiet_stream_moves_its_cursor_on(
    ground: Ground, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SIGN_OF_LIFE_S", 0.05)
    grant = await ground.granted(cities=["101"])
    headers = bearer(grant["key"])
    async with ground.http.stream("GET", "/feed/matches/stream", headers=headers) as answer:
        told = messages(answer)
        await anext(told)
        end = await ground.lives(tag, 4)
        async with asyncio.timeout(10):
            while int((event := await anext(told)).get("id", 0)) < end:
                assert "data" not in event


async def test_a_reader_who_does_not_read_is_let_go_and_comes_back_by_her_id(
    ground: Ground, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await ground.granted()
    headers = bearer(grant["key"])
    monkeypatch.setattr(event_stream, "MOST_WAITING", 20)
    before = await ground.journal.last_position()
    async with ground.http.stream("GET", "/feed/matches/stream", headers=headers) as answer:
        told = messages(answer)
        await anext(told)
        await until_listening(ground, 1)
        # One append is one batch for the tail: more than the reader may leave waiting.
        end = await ground.lives(tag, 30, cities=[ODENSE])
        async with asyncio.timeout(10):
            last = [int(event["id"]) async for event in told if "id" in event][-1:]
    assert all(cursor < end for cursor in last)
    start = last[0] if last else before
    rest = await through_server_sent_events(ground, grant, "matches", start, end)
    assert rest == await through_the_feed(ground, grant, "matches", start, end)


async def test_a_grant_has_so_many_readers_and_no_more(ground: Ground) -> None:
    grant = await ground.granted()
    headers = bearer(grant["key"])

    async def a_reader(opened: asyncio.Event, close: asyncio.Event) -> None:
        async with ground.http.stream("GET", "/feed/matches/stream", headers=headers) as answer:
            told = messages(answer)
            await anext(told)
            opened.set()
            await close.wait()

    close = asyncio.Event()
    opened = [asyncio.Event() for _ in range(3)]
    readers = [asyncio.create_task(a_reader(one, close)) for one in opened]
    await asyncio.wait_for(asyncio.gather(*(one.wait() for one in opened)), 20)
    one_more = await ground.http.get("/feed/matches/stream", headers=headers)
    assert one_more.status_code == 429
    assert one_more.headers["retry-after"] == "5"
    close.set()
    await asyncio.gather(*readers)

    async def nobody_waits() -> bool:
        return bool(ground.app.state.gate.waiting(grant["grant_id"]) == 0)

    await until(nobody_waits)


# Keys -------------------------------------------------------------------------------------------


async def test_a_rotated_key_opens_for_its_overlap_and_no_longer(ground: Ground) -> None:
    grant = await ground.granted()
    old = bearer(grant["key"])
    rotated = await ground.http.post("/grant/keys", headers=old)
    assert rotated.status_code == 201
    new = bearer(rotated.json()["key"])
    assert (await ground.http.get("/feed/matches", headers=old)).status_code == 200
    assert (await ground.http.get("/feed/matches", headers=new)).status_code == 200
    again = await ground.http.post("/grant/keys", json={"overlap_hours": 0}, headers=new)
    newest = bearer(again.json()["key"])
    for expired in (old, new):
        assert (await ground.http.get("/feed/matches", headers=expired)).status_code == 403
    assert (await ground.http.get("/feed/matches", headers=newest)).status_code == 200


async def test_a_revoked_key_opens_nothing_and_its_stream_ends(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SIGN_OF_LIFE_S", 0.05)
    grant = await ground.granted()
    headers = bearer(grant["key"])
    (key,) = grant["keys"]
    async with ground.http.stream("GET", "/feed/matches/stream", headers=headers) as answer:
        told = messages(answer)
        await anext(told)
        gone = await ground.http.delete(f"/grant/keys/{key['prefix']}", headers=headers)
        assert gone.json()["keys"][0]["revoked_at"] is not None
        async with asyncio.timeout(10):
            assert not [event async for event in told if "data" in event]
    assert (await ground.http.get("/grant", headers=headers)).status_code == 403
    # An operator helps her in again.
    path = f"/integrators/{grant['grant_id']}/keys"
    helped = await ground.http.post(path, headers=OPERATOR)
    assert (
        await ground.http.get("/grant", headers=bearer(helped.json()["key"]))
    ).status_code == 200


async def test_a_revoked_grant_opens_nothing_and_forgets_whom_it_named(
    ground: Ground, embedded: Engine
) -> None:
    grant = await ground.granted()
    revoked = await ground.http.post(f"/integrators/{grant['grant_id']}/revoke", headers=OPERATOR)
    assert revoked.json()["revoked_at"] is not None
    assert (await ground.http.get("/feed/matches", headers=bearer(grant["key"]))).status_code == 403
    kept = await stored_grant(embedded, grant["grant_id"])
    assert kept["state"]["pseudonym_key"] == ""
    more = await ground.http.post(f"/integrators/{grant['grant_id']}/keys", headers=OPERATOR)
    assert more.status_code == 410


async def test_of_a_key_only_its_hash_is_kept(ground: Ground, embedded: Engine) -> None:
    grant = await ground.granted()
    kept = await stored_grant(embedded, grant["grant_id"])
    secret = grant["key"][11:]
    assert secret not in repr(kept)
    assert len(kept["state"]["keys"][0]["hash"]) == 64
    shown = await ground.http.get("/grant", headers=bearer(grant["key"]))
    assert "hash" not in shown.text
    assert "pseudonym_key" not in shown.text
    assert secret not in shown.text


async def stored_grant(engine: Engine, grant_id: str) -> dict[str, Any]:
    database = Database(engine.mongodb_url("streams"))
    found = await database.collection("grants").find_one({"_id": grant_id})
    database.close()
    assert found is not None
    return found


async def test_every_room_has_its_own_key(ground: Ground) -> None:
    grant = await ground.granted()
    own = bearer(grant["key"])
    for path in ("/journal", "/integrators", f"/integrators/{grant['grant_id']}", "/positions"):
        assert (await ground.http.get(path, headers=own)).status_code == 403
    for path in ("/feed/matches", "/feed/matches/stream", "/grant"):
        for headers, status in ((OPERATOR, 403), (COORDINATOR, 403), ({}, 401)):
            assert (await ground.http.get(path, headers=headers)).status_code == status
        nearly = bearer(grant["key"][:-1] + ("A" if grant["key"][-1] != "A" else "B"))
        assert (await ground.http.get(path, headers=nearly)).status_code == 403


async def test_a_wish_for_what_cannot_be_granted_is_refused_with_each_reason(
    ground: Ground,
) -> None:
    wish = {"name": "x", "programme": "kvinfo", "streams": ["matches"]}
    for places, field in (
        ({}, "cities"),
        ({"cities": [SAMSOE]}, "cities"),
        ({"cities": ["999"]}, "cities"),
        ({"regions": ["Atlantis"]}, "regions"),
    ):
        answer = await ground.http.post("/integrators", json={**wish, **places}, headers=OPERATOR)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field
    care = {**wish, "streams": ["care"], "cities": [ODENSE]}
    assert (await ground.http.post("/integrators", json=care, headers=OPERATOR)).status_code == 422


async def test_an_integrator_sees_her_use(ground: Ground, tag: str) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()
    end = await ground.lives(tag, 6)
    events = await through_the_feed(ground, grant, "matches", before, end)
    await ground.app.state.granting.write_use()
    seen = (await ground.http.get("/grant", headers=bearer(grant["key"]))).json()
    assert seen["usage"]["events"] == len(events)
    assert seen["usage"]["requests"] >= 2
    assert seen["usage"]["position"] == int(events[-1]["position"])
    assert seen["keys"][0]["last_used_at"] is not None
