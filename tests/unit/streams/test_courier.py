"""Turns of deliveries, against an endpoint that fails as it likes, with crashes and goings back."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from services.streams.domain.deliveries import (
    FAILING_AT_MOST,
    GONE,
    ILL_AFTER,
    MOST_ATTEMPTS,
    MOST_LANES,
    RETRY_AFTER,
    Answer,
    retry_in,
)
from services.streams.domain.integration import GrantedStream
from services.streams.domain.projection import Projected
from services.streams.domain.subscriptions import (
    Endpoint,
    EndpointState,
    Secret,
    go_back,
    resume,
    turned,
)
from services.streams.webhooks.courier import AT_ONCE, Courier, message_id
from shared.decisions import Decision
from shared.security.hashing import KeyedHash
from shared.security.webhooks import secret_of

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
HASHES = KeyedHash("key")


def an_event(position: int, match: str) -> Projected:
    return Projected(
        id=f"event-{position}",
        type="commonground.integration.match.accepted.v1",
        stream=GrantedStream.MATCHES,
        subject=match,
        time=NOW,
        position=position,
        programme="kvinfo",
        city="461",
        region="Syddanmark",
        data={"match": match},
    )


class Journal:
    """Events in memory, as a view shows them; positions have holes where others' events are."""

    def __init__(self, matches: str) -> None:
        self.events = [an_event(2 * n + 1, match) for n, match in enumerate(matches)]
        self.last = 2 * len(matches)

    async def page(self, after: int, limit: int) -> tuple[list[Projected], int]:
        found = [event for event in self.events if after < event.position <= self.last]
        if len(found) > limit:
            return found[:limit], found[limit - 1].position
        return found, self.last

    async def of_match(self, at: int, until: int) -> list[Projected]:
        (first,) = (event for event in self.events if event.position == at)
        return [
            event
            for event in self.events
            if event.subject == first.subject and at <= event.position <= until
        ]


class Receiver:
    """Answers as it is told, and watches that nothing comes out of order."""

    def __init__(self, journal: Journal) -> None:
        self.earlier: dict[str, list[str]] = {}
        by_match: dict[str, list[str]] = defaultdict(list)
        for event in journal.events:
            self.earlier[event.id] = list(by_match[event.subject])
            by_match[event.subject].append(event.id)
        self.answers: dict[str, list[int]] = defaultdict(list)
        self.tried: list[str] = []
        self.settled: set[str] = set()
        self.failed: dict[str, int] = defaultdict(int)
        self.is_dead = False
        self.at_once = self.most_at_once = 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, float]:
        event_id = json.loads(body)["id"]
        assert headers["webhook-id"] == message_id("w1", event_id)
        assert self.settled.issuperset(self.earlier[event_id]), "a later event came first"
        self.tried.append(event_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.is_dead:
            return Answer(None, "timeout"), 10.0
        status = self.answers[event_id].pop(0) if self.answers[event_id] else 204
        self.failed[event_id] += status != 204
        if status == 204 or self.failed[event_id] >= MOST_ATTEMPTS:
            self.settled.add(event_id)
        return Answer(status), 0.01


def an_endpoint() -> Endpoint:
    return Endpoint("w1", "g1", "https://odense.example/", (Secret("s1", NOW),), NOW)


class Life:
    """One endpoint, its courier, and a clock that jumps to whatever is next."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.receiver = Receiver(journal)
        self.endpoint = an_endpoint()
        self.now = NOW
        self.courier = Courier(self.receiver.post, HASHES, asyncio.Event(), lambda: self.now)

    async def turn(self, *, is_noted: bool = True) -> None:
        turn = await self.courier.turn(self.endpoint, self.journal)
        decision = turned(self.endpoint, turn, self.now)
        if is_noted and decision is not None:
            self.endpoint = decision.state

    @property
    def is_done(self) -> bool:
        progress = self.endpoint.progress
        return not progress.lanes and progress.after == 2 * len(self.journal.events)

    def wait(self) -> None:
        next_at = self.endpoint.progress.next_at
        if next_at is not None:
            self.now = max(self.now, next_at)

    async def until_done(self) -> None:
        for _ in range(2_000):
            if self.is_done:
                return
            await self.turn()
            self.wait()
            if self.endpoint.state is not EndpointState.ACTIVE:
                decision = resume(self.endpoint, self.now)
                assert isinstance(decision, Decision)
                self.endpoint = decision.state
        raise AssertionError("it does not come to an end")


matches = st.text("abcdef", min_size=1, max_size=40)
statuses = st.lists(st.sampled_from([204, 500, 503, 301, 410]), max_size=4)


@given(matches, st.data())
def test_whatever_fails_crashes_or_goes_back_each_match_comes_whole_and_in_order(
    names: str, data: st.DataObject
) -> None:
    async def run() -> None:
        life = Life(Journal(names))
        for event in life.journal.events:
            life.receiver.answers[event.id] = data.draw(statuses)
        whole, life.journal.last = life.journal.last, 0
        for what in data.draw(st.lists(st.sampled_from(["turn", "crash", "back", "wait", "grow"]))):
            match what:
                case "grow":
                    more = data.draw(st.integers(1, whole))
                    life.journal.last = min(life.journal.last + more, whole)
                case "turn":
                    await life.turn()
                case "crash":
                    await life.turn(is_noted=False)
                case "back":
                    after = data.draw(st.integers(0, 2 * len(names)))
                    if after <= life.endpoint.progress.after:
                        # Going forward skips on purpose, so only going back is tried here.
                        life.endpoint = go_back(life.endpoint, _complete(life, after)).state
                case _:
                    life.wait()
        life.journal.last = whole
        await life.until_done()
        assert life.receiver.settled == {event.id for event in life.journal.events}
        assert life.receiver.most_at_once <= AT_ONCE

    asyncio.run(run())


def _complete(life: Life, after: int) -> int:
    """Not behind an event that still waits: to go there would be to skip it."""
    return min([after, *(lane.position - 1 for lane in life.endpoint.progress.lanes)])


async def test_other_matches_go_on_while_one_waits() -> None:
    life = Life(Journal("abab"))
    life.receiver.answers["event-1"] = [500]
    await life.turn()
    assert life.receiver.settled == {"event-3", "event-7"}
    life.wait()
    await life.turn()
    assert life.is_done


async def test_what_comes_in_the_turn_in_which_its_match_catches_up_is_not_left_behind() -> None:
    life = Life(Journal("aa"))
    life.receiver.answers["event-1"] = [500]
    life.journal.last = 2
    await life.turn()
    life.journal.last = 4
    life.wait()
    await life.turn()
    assert life.receiver.tried == ["event-1", "event-1", "event-3"]
    assert life.is_done


async def test_a_dead_endpoint_is_tried_a_few_times_and_then_left_alone() -> None:
    life = Life(Journal("".join(chr(0x4E00 + n) for n in range(500))))
    life.receiver.is_dead = True
    for _ in range(50):
        await life.turn()
    assert len(life.receiver.tried) < ILL_AFTER + AT_ONCE
    assert len(life.endpoint.progress.lanes) < MOST_LANES
    began = life.now
    while life.endpoint.state is EndpointState.ACTIVE:
        life.wait()
        await life.turn()
    assert len(life.receiver.tried) < ILL_AFTER + AT_ONCE + MOST_ATTEMPTS
    longest_wait = retry_in(len(RETRY_AFTER), chance=1.0)
    assert FAILING_AT_MOST <= life.now - began < FAILING_AT_MOST + longest_wait
    life.receiver.is_dead = False
    await life.until_done()
    assert len(life.receiver.settled) == 500


async def test_410_ends_it_at_once() -> None:
    life = Life(Journal("abcdefgh"))
    life.receiver.answers["event-1"] = [GONE]
    await life.turn()
    assert life.endpoint.state is EndpointState.DISABLED
    assert len(life.receiver.tried) <= AT_ONCE


async def test_when_it_is_to_stop_nothing_new_is_begun_and_nothing_is_forgotten() -> None:
    life = Life(Journal("abcabc"))
    life.courier.stopping.set()
    await life.turn()
    assert life.receiver.tried == []
    life.courier.stopping.clear()
    await life.until_done()
    assert len(life.receiver.settled) == 6


async def test_while_a_secret_is_replaced_each_message_is_signed_with_both() -> None:
    seen: list[tuple[bytes, dict[str, str]]] = []

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, float]:
        seen.append((body, dict(headers)))
        return Answer(204), 0.0

    until = datetime.now(UTC) + timedelta(days=1)
    secrets = (Secret("s2", NOW), Secret("s1", NOW, until))
    courier = Courier(post, HASHES, asyncio.Event())
    endpoint = replace(an_endpoint(), secrets=secrets)
    await courier.turn(endpoint, Journal("a"))
    ((body, headers),) = seen
    for seed in ("s1", "s2"):
        assert Webhook(secret_of(seed, HASHES)).verify(body, headers)["id"] == "event-1"
