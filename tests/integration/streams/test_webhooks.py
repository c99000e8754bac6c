"""Webhooks on the real engine, to real HTTP servers that verify, fail, hang, and come back."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from standardwebhooks import Webhook, WebhookVerificationError

from deploy.local.engines import Engine
from services.streams.domain import deliveries
from shared.storage.database import Database
from tests.integration.streams.doors import all_through_the_feed, through_the_feed
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
)
from tests.integration.streams.receiver import Receiver, a_receiver, always

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule in fractions of a second."""
    waits = tuple(timedelta(seconds=0.1 * (n + 1)) for n in range(9))
    monkeypatch.setattr(deliveries, "RETRY_AFTER", waits)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(embedded: Engine) -> AsyncIterator[Ground]:
    async with open_ground(embedded) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as one:
        yield one


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex[:8]


async def subscribe(
    ground: Ground, grant: dict[str, Any], receiver: Receiver, **more: Any
) -> dict[str, Any]:
    sent = {"url": receiver.url, **more}
    answer = await ground.http.post("/webhooks", json=sent, headers=bearer(grant["key"]))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    receiver.secret = made["secret"]
    return made


async def seen(ground: Ground, grant: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    path = f"/webhooks/{made['webhook_id']}"
    found: dict[str, Any] = (await ground.http.get(path, headers=bearer(grant["key"]))).json()
    return found


async def act(
    ground: Ground, grant: dict[str, Any], made: dict[str, Any], what: str, **sent: Any
) -> httpx.Response:
    path = f"/webhooks/{made['webhook_id']}/{what}"
    return await ground.http.post(path, json=sent or None, headers=bearer(grant["key"]))


async def until_received(receiver: Receiver, count: int) -> None:
    async def enough() -> bool:
        return len({event["id"] for event in receiver.received}) >= count

    await until(enough)


def in_order(events: list[dict[str, Any]]) -> bool:
    by_match: dict[str, list[int]] = {}
    for event in events:
        by_match.setdefault(event["subject"], []).append(int(event["position"]))
    return all(positions == sorted(positions) for positions in by_match.values())


async def test_what_happens_from_now_on_comes_signed_and_is_what_the_feed_shows(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()
    before = await ground.lives(f"{tag}-earlier", 4)
    await subscribe(ground, grant, receiver, wanted={"streams": ["matches"]})
    end = await ground.lives(tag, 9)
    expected = await through_the_feed(ground, grant, "matches", before, end)
    await until_received(receiver, len(expected))
    by_position = sorted(receiver.received, key=lambda event: int(event["position"]))
    assert by_position == expected
    assert in_order(receiver.received)
    assert len(set(receiver.message_ids)) == len(expected)
    assert {event["city"] for event in receiver.received} == {ODENSE}


async def test_a_body_that_was_tampered_with_is_not_ours() -> None:
    async with a_receiver() as other:
        other.secret = "whsec_" + "A" * 43 + "="
        async with httpx.AsyncClient() as client:
            answer = await client.post(other.url, content=b"{}")
        assert answer.status_code == 500
        with pytest.raises(WebhookVerificationError):
            Webhook(other.secret).verify(b"{}", {})


async def test_after_failures_each_match_comes_whole_and_in_order(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()
    before = await ground.journal.last_position()

    async def every_third(number: int) -> int:
        return 503 if number % 3 == 0 else 204

    receiver.answer = every_third
    made = await subscribe(ground, grant, receiver, wanted={"streams": ["matches"]})
    end = await ground.lives(tag, 12, cities=[ODENSE])
    expected = await through_the_feed(ground, grant, "matches", before, end)
    await until_received(receiver, len(expected))
    assert in_order(receiver.received)
    by_position = sorted(receiver.received, key=lambda event: int(event["position"]))
    assert by_position == expected, "none twice, none left out"
    path = f"/webhooks/{made['webhook_id']}/deliveries"

    async def logged() -> list[dict[str, Any]] | None:
        answer = await ground.http.get(path, headers=bearer(grant["key"]))
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found if len(found) == receiver.requests else None

    attempts: list[dict[str, Any]] = await until(logged)
    verdicts = [attempt["verdict"] for attempt in attempts]
    assert verdicts.count("delivered") == len(expected)
    assert verdicts.count("failed") == receiver.requests - len(expected)
    assert {attempt["status"] for attempt in attempts} == {204, 503}
    numbers = [attempt["number"] for attempt in attempts]
    assert numbers == sorted(numbers, reverse=True)


async def test_one_that_was_off_gets_the_same_events_by_going_back(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver, wanted={"streams": ["matches"]})
    before = made["position"]
    end = await ground.lives(tag, 6)
    expected = await through_the_feed(ground, grant, "matches", before, end)
    await until_received(receiver, len(expected))
    first = list(receiver.message_ids)
    # Its own database was lost: everything again, under the same ids.
    receiver.received.clear()
    receiver.message_ids.clear()
    answer = await act(ground, grant, made, "position", after=before)
    assert answer.json()["position"] == before
    await until_received(receiver, len(expected))
    assert sorted(receiver.received, key=lambda event: int(event["position"])) == expected
    assert sorted(receiver.message_ids) == sorted(first)


async def test_what_came_while_it_was_paused_or_down_comes_after_all(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)
    before = made["position"]
    assert (await act(ground, grant, made, "pause")).json()["state"] == "paused"
    await ground.lives(f"{tag}-1", 6)

    receiver.answer = always(500)
    assert (await act(ground, grant, made, "resume")).json()["state"] == "active"
    end = await ground.lives(f"{tag}-2", 6)

    async def has_failed() -> bool:
        return bool((await seen(ground, grant, made))["failing_since"])

    await until(has_failed)
    receiver.answer = None
    expected = await all_through_the_feed(ground, grant, before, end)
    await until_received(receiver, len(expected))
    assert {event["id"] for event in receiver.received} == {event["id"] for event in expected}

    async def is_well() -> bool:
        found = await seen(ground, grant, made)
        return found["failing_since"] is None and found["matches_waiting"] == 0

    await until(is_well)


async def test_an_ill_one_that_is_paused_and_resumed_in_one_breath_gets_all_at_once(
    ground: Ground, receiver: Receiver, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "RETRY_AFTER", (timedelta(hours=1),) * 9)
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)

    receiver.answer = always(500)
    await ground.lives(tag, 6, cities=[ODENSE])

    async def is_ill() -> bool:
        return receiver.requests >= deliveries.ILL_AFTER

    await until(is_ill)
    end = await ground.lives(f"{tag}-2", 6, cities=[ODENSE])
    receiver.answer = None
    await act(ground, grant, made, "pause")
    await act(ground, grant, made, "resume")
    expected = await all_through_the_feed(ground, grant, made["position"], end)
    await until_received(receiver, len(expected))


async def test_410_disables_it_at_once_and_it_can_be_resumed(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)

    receiver.answer = always(410)
    await ground.lives(tag, 1, cities=[ODENSE])

    async def is_disabled() -> bool:
        return bool((await seen(ground, grant, made))["state"] == "disabled")

    await until(is_disabled)
    found = await seen(ground, grant, made)
    assert found["disabled_for"] == "gone"
    assert receiver.requests <= 4
    receiver.answer = None
    await act(ground, grant, made, "resume")
    await until_received(receiver, 6)


async def test_days_of_failures_disable_it(
    ground: Ground, receiver: Receiver, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.streams.domain import subscriptions

    monkeypatch.setattr(subscriptions, "FAILING_AT_MOST", timedelta(seconds=1))
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)

    receiver.answer = always(500)
    await ground.lives(tag, 1, cities=[ODENSE])

    async def is_disabled() -> bool:
        return bool((await seen(ground, grant, made))["state"] == "disabled")

    await until(is_disabled)
    assert (await seen(ground, grant, made))["disabled_for"] == "failing"


async def test_dead_and_slow_endpoints_hold_up_no_other(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()

    async def never(_: int) -> int:
        await asyncio.sleep(3600)
        return 204

    async with AsyncExitStack() as stack:
        for _ in range(5):
            hanging = await stack.enter_async_context(a_receiver())
            hanging.answer = never
            await subscribe(ground, grant, hanging)
        closed = Receiver(url="http://127.0.0.1:9/hooks")
        await subscribe(ground, grant, closed)
        await subscribe(ground, grant, receiver)
        # Until all are served: a first round of events.
        await ground.lives(f"{tag}-1", 1, cities=[ODENSE])
        await until_received(receiver, 6)
        began = time.monotonic()
        await ground.lives(f"{tag}-2", 6, cities=[ODENSE])
        await until_received(receiver, 6 + 20)
        assert time.monotonic() - began < 8, "less than one of their timeouts"
        for one in (await ground.http.get("/webhooks", headers=bearer(grant["key"]))).json()[
            "webhooks"
        ]:
            path = f"/webhooks/{one['webhook_id']}"
            await ground.http.delete(path, headers=bearer(grant["key"]))


async def test_a_secret_is_replaced_without_a_message_that_cannot_be_verified(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)
    old = receiver.secret
    await ground.lives(f"{tag}-1", 1, cities=[ODENSE])
    await until_received(receiver, 6)
    answer = await act(ground, grant, made, "secret", overlap_hours=1)
    new = answer.json()["secret"]
    assert new != old

    async def adopted() -> bool:
        await ground.lives(uuid.uuid4().hex[:8], 1, cities=[ODENSE])
        receiver.secret = new
        count = len(receiver.received)
        await asyncio.sleep(0.3)
        return len(receiver.received) > count

    # With the new secret at the receiver, and a moment later with the old one again: both fit.
    await until(adopted)
    receiver.secret = old
    count = len(receiver.received)
    await ground.lives(f"{tag}-3", 1, cities=[ODENSE])
    await until_received(receiver, count + 6)
    shown = await seen(ground, grant, made)
    assert [one["until"] is None for one in shown["secrets"]] == [True, False]
    assert "secret" not in shown


async def test_only_what_it_wants_of_what_is_granted(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted(cities=[ODENSE, AARHUS])
    wanted = {"types": ["match.accepted", "check_in.due"], "cities": [AARHUS]}
    await subscribe(ground, grant, receiver, wanted=wanted)
    await ground.lives(tag, 12)
    await until_received(receiver, 4)
    await ground.lives(f"{tag}-2", 6, cities=[AARHUS])
    await until_received(receiver, 8)
    kinds = {event["type"].split(".", 2)[2] for event in receiver.received}
    assert kinds == {"match.accepted.v1", "check_in.due.v1"}
    assert {event["city"] for event in receiver.received} == {AARHUS}


async def test_a_test_event_is_sent_at_once_and_its_answer_told(
    ground: Ground, receiver: Receiver
) -> None:
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)
    tested = (await act(ground, grant, made, "test")).json()
    assert (tested["delivered"], tested["status"]) == (True, 204)
    (event,) = receiver.received
    assert event["type"] == "commonground.integration.webhook.tested.v1"
    assert receiver.message_ids == [tested["message_id"]]


async def test_a_revoked_grant_gets_nothing_more(
    ground: Ground, receiver: Receiver, tag: str
) -> None:
    grant = await ground.granted()
    await subscribe(ground, grant, receiver)
    await ground.lives(f"{tag}-1", 1, cities=[ODENSE])
    await until_received(receiver, 6)
    await ground.http.post(f"/integrators/{grant['grant_id']}/revoke", headers=OPERATOR)
    other = await ground.granted()
    async with a_receiver() as witness:
        made = await subscribe(ground, other, witness)
        # Who is served was looked up since when this one is served: within a second or so.
        await ground.lives(f"{tag}-2", 1, cities=[ODENSE])
        await until_received(witness, 6)
        count = receiver.requests
        await ground.lives(f"{tag}-3", 2, cities=[ODENSE])
        await until_received(witness, 6 + 8)
        await act(ground, other, made, "pause")
    assert receiver.requests == count


# Who may do what -----------------------------------------------------------------------------------


async def test_one_grants_webhooks_are_nobody_elses_business(
    ground: Ground, receiver: Receiver
) -> None:
    grant, other = await ground.granted(), await ground.granted(name="Aarhus Kommune")
    made = await subscribe(ground, grant, receiver)
    path = f"/webhooks/{made['webhook_id']}"
    for headers, status in ((bearer(other["key"]), 404), (OPERATOR, 403), (COORDINATOR, 403)):
        assert (await ground.http.get(path, headers=headers)).status_code == status
        assert (await ground.http.delete(path, headers=headers)).status_code == status
        for what in ("pause", "resume", "secret", "test"):
            answer = await ground.http.post(f"{path}/{what}", headers=headers)
            assert answer.status_code == status, what
    assert (await ground.http.get(path)).status_code == 401
    all_of_other = await ground.http.get("/webhooks", headers=bearer(other["key"]))
    assert all_of_other.json()["webhooks"] == []


async def test_operators_see_how_all_are_without_addresses_and_may_disable(
    ground: Ground, receiver: Receiver
) -> None:
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)
    answer = await ground.http.get("/operators/webhooks?limit=500", headers=OPERATOR)
    assert made["webhook_id"] in {one["webhook_id"] for one in answer.json()["webhooks"]}
    assert "127.0.0.1" not in answer.text
    assert "whsec" not in answer.text
    path = f"/operators/webhooks/{made['webhook_id']}"
    assert (await ground.http.post(f"{path}/disable", headers=OPERATOR)).status_code == 200
    assert (await act(ground, grant, made, "resume")).status_code == 403
    resumed = await ground.http.post(f"{path}/resume", headers=OPERATOR)
    assert resumed.json()["state"] == "active"
    for other in ("disable", "resume"):
        refused = await ground.http.post(f"{path}/{other}", headers=bearer(grant["key"]))
        assert refused.status_code == 403


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"url": "http://10.0.0.1/"}, 422, "Only https://"),
        ({"url": "https://10.0.0.1/"}, 422, "no public address"),
        ({"url": "https://169.254.169.254/latest/"}, 422, "no public address"),
        ({"url": "https://no-such-host.invalid/"}, 422, "leads nowhere"),
        ({"url": "ftp://example.org/"}, 422, "must begin with https://"),
        ({"url": "https://a:b@example.org/"}, 422, "no user or password"),
        ({"url": "http://127.0.0.1/", "wanted": {"cities": [AARHUS]}}, 403, "cities 751"),
        ({"url": "http://127.0.0.1/", "wanted": {"types": ["match.held"]}}, 422, "The types are"),
        ({"url": "http://127.0.0.1/", "wanted": {"streams": ["care"]}}, 422, "named with its"),
        ({"url": "http://127.0.0.1/", "after": -1}, 422, "named with its reason"),
        ({"url": "http://127.0.0.1/", "secret": "mine"}, 422, "named with its reason"),
        ({}, 422, "named with its reason"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_reason(
    ground: Ground, sent: dict[str, Any], status: int, words: str
) -> None:
    grant = await ground.granted()
    answer = await ground.http.post("/webhooks", json=sent, headers=bearer(grant["key"]))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


async def test_nobody_can_have_a_small_municipality_alone(ground: Ground) -> None:
    grant = await ground.granted(cities=[], all_cities=True)
    sent = {"url": "http://127.0.0.1/", "wanted": {"cities": [SAMSOE]}}
    answer = await ground.http.post("/webhooks", json=sent, headers=bearer(grant["key"]))
    assert answer.status_code == 403


async def test_a_grant_has_so_many_webhooks_and_no_more(
    ground: Ground, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.streams.webhooks import managing

    monkeypatch.setattr(managing, "MOST_OF_A_GRANT", 2)
    grant = await ground.granted()
    made = [await subscribe(ground, grant, receiver) for _ in range(2)]
    headers = bearer(grant["key"])
    one_more = await ground.http.post("/webhooks", json={"url": receiver.url}, headers=headers)
    assert one_more.status_code == 409
    path = f"/webhooks/{made[0]['webhook_id']}"
    assert (await ground.http.delete(path, headers=headers)).status_code == 204
    assert (await ground.http.get(path, headers=headers)).status_code == 404
    at_once = await asyncio.gather(
        *(
            ground.http.post("/webhooks", json={"url": receiver.url}, headers=headers)
            for _ in range(8)
        )
    )
    assert sorted(answer.status_code for answer in at_once) == [201] + [409] * 7


async def test_the_database_holds_no_secret(
    ground: Ground, receiver: Receiver, embedded: Engine
) -> None:
    grant = await ground.granted()
    made = await subscribe(ground, grant, receiver)
    database = Database(embedded.mongodb_url("streams"))
    kept = await database.collection("webhooks").find_one(
        {"_id": f"endpoints/{made['webhook_id']}"}
    )
    database.close()
    assert made["secret"].removeprefix("whsec_") not in json.dumps(kept, default=str)


# Several instances ----------------------------------------------------------------------------------


async def test_of_two_instances_one_serves_and_when_it_dies_the_other_goes_on(
    embedded: Engine, receiver: Receiver, tag: str
) -> None:
    async with open_ground(embedded, instance="1") as first:
        grant = await first.granted()
        await subscribe(first, grant, receiver, wanted={"streams": ["matches"]})
        before = await first.journal.last_position()
        await first.lives(f"{tag}-1", 6, cities=[ODENSE])
        await until_received(receiver, 14)
        first_served = len(receiver.received)
    async with open_ground(embedded, empty=False, instance="2") as second:
        end = await second.lives(f"{tag}-2", 6, cities=[ODENSE])
        expected = await through_the_feed(second, grant, "matches", before, end)
        await until_received(receiver, len(expected))
        assert first_served < len(expected)
    assert sorted(receiver.received, key=lambda event: int(event["position"])) == expected
