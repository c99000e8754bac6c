"""Followup from an accepted match to its end, on the real engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pymongo.errors import ConnectionFailure

from services.followup.service import Followup
from shared.events.check_ins import CheckInStatus
from shared.events.matches import MatchProposed, MatchStatus
from shared.events.messages import FailureReason, MessageFailed, MessageKind
from shared.events.participants import (
    ParticipantErased,
    ParticipantStatus,
    ParticipantWithdrawn,
    Role,
)
from shared.events.programmes import Charter, City, Policy, ProgrammeChanged
from shared.security.links import Purpose
from tests.integration.followup.conftest import COORDINATOR_KEY, Platform, running, until
from tests.unit.followup.builders import START, days

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = {"Authorization": f"Bearer {COORDINATOR_KEY}"}
ANSWER = {"going": "well", "next_step": "نكتب إلى شركتين", "meeting_again": "yes"}


async def the_mentorship(client: httpx.AsyncClient, platform: Platform, match_id: str = "") -> Any:
    """The coordinator's view, once it exists."""

    async def look() -> Any:
        response = await client.get(f"/mentorships/{match_id or platform.match_id}", headers=KEY)
        return response.json() if response.status_code == 200 else None

    return await until(look)


async def until_types(platform: Platform, *types: str) -> None:
    async def said() -> bool:
        return sorted(await platform.types()) == sorted(types)

    try:
        await until(said)
    except AssertionError:
        assert await platform.types() == list(types)


async def answer(
    client: httpx.AsyncClient, platform: Platform, side: Role, **changes: object
) -> httpx.Response:
    said = {"token": platform.token(side), **ANSWER, **changes}
    return await client.post("/check-ins/answers", json=said)


async def a_due_check_in(client: httpx.AsyncClient, platform: Platform) -> None:
    await platform.publish(platform.an_accepted_match())
    await the_mentorship(client, platform)
    platform.clock.set(START + days(14))
    # As whoever moves the clock does: the timer may have been at this instant, for another test.
    await until_looked(client, platform)
    await until_types(platform, "check_in.due")


async def asked_is_known(client: httpx.AsyncClient, platform: Platform) -> None:
    async def known() -> Any:
        return (await the_mentorship(client, platform))["check_ins"][0]["asked_at"]

    await until(known)


@asynccontextmanager
async def heard(client: httpx.AsyncClient, topic: str, count: int) -> AsyncIterator[None]:
    """Waits at the end until so many more records of a topic have been handled."""

    async def handled() -> int:
        work = (await client.get("/internal/work")).json()
        return sum(work["consumed"].get(topic, {}).values())

    before = await handled()
    yield

    async def enough() -> bool:
        return await handled() >= before + count

    await until(enough)


async def test_from_acceptance_to_a_completed_check_in(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    await a_due_check_in(client, platform)
    await platform.asked(1)
    await asked_is_known(client, platform)
    first = await answer(client, platform, Role.MENTEE)
    assert first.status_code == 200
    assert first.json()["check_ins"][0]["your_answer"]["next_step"] == ANSWER["next_step"]
    await answer(client, platform, Role.MENTOR, going="hard")
    await until_types(platform, "check_in.due", "check_in.completed", "views.diverged")
    told = await platform.told()
    assert [e["sequence"] for e in told if e["stream"] == "check-ins"] == [1, 2]
    assert ANSWER["next_step"] not in str(told)


async def test_the_same_events_again_change_nothing(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    await a_due_check_in(client, platform)
    await platform.asked(1)
    await asked_is_known(client, platform)
    before = await the_mentorship(client, platform)
    platform.clock.set(START + days(15))
    async with heard(client, "matches", 1), heard(client, "messages", 2):
        await platform.publish(platform.an_accepted_match(), sequence=1)
        platform.sequences.clear()
        await platform.asked(1)
    assert await the_mentorship(client, platform) == before


async def test_the_terms_are_those_of_the_programme_when_it_began(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    programme = ProgrammeChanged(
        programme=platform.tag,
        name="Test",
        policy=Policy(check_in_days=(3,), check_in_grace_days=1, planned_months=2),
        charters=(Charter(version="1"),),
        cities=(City(code="461", name="Odense", region="Syddanmark"),),
    )
    async with heard(client, "programmes", 1):
        await platform.publish(programme)
    await platform.publish(platform.an_accepted_match())
    mentorship = await the_mentorship(client, platform)
    assert [c["due_at"][:10] for c in mentorship["check_ins"]] == ["2026-01-08", "2026-02-07"]
    assert mentorship["planned_end"][:10] == "2026-03-05"


async def test_a_match_that_is_never_accepted_leaves_only_marks(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    proposed = platform.an_accepted_match().model_dump() | {"status": MatchStatus.PROPOSED}
    await platform.publish(MatchProposed.model_validate(proposed))
    other = "match-other-" + platform.tag
    await platform.publish(platform.an_accepted_match(other))
    await the_mentorship(client, platform, other)
    missing = await client.get(f"/mentorships/{platform.match_id}", headers=KEY)
    assert missing.status_code == 404
    page = await client.get(f"/programmes/{platform.tag}/mentorships", headers=KEY)
    assert [m["match_id"] for m in page.json()["mentorships"]] == [other]


async def test_a_message_that_failed_counts_as_asked_and_is_shown(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    await a_due_check_in(client, platform)
    await platform.asked(1, Role.MENTEE)
    failed = MessageFailed(
        programme=platform.tag,
        message_id=f"failed-{platform.tag}",
        recipient_id=platform.person(Role.MENTOR),
        kind=MessageKind.CHECK_IN,
        because_of="x",
        match_id=platform.match_id,
        check_in_number=1,
        reason=FailureReason.GAVE_UP,
    )
    await platform.publish(failed)
    await asked_is_known(client, platform)
    mentorship = await the_mentorship(client, platform)
    assert mentorship["check_ins"][0]["not_reached"] == ["mentor"]
    for day in (16, 19, 21, 28):
        platform.clock.set(START + days(day))
        await until_looked(client, platform)
    await until_types(
        platform,
        "check_in.due",
        "check_in.reminder_due",
        "check_in.reminder_due",
        "check_in.overdue",
        "check_in.escalated",
    )
    late = await client.get(f"/programmes/{platform.tag}/mentorships?state=escalated", headers=KEY)
    assert [m["open_check_in"]["status"] for m in late.json()["mentorships"]] == [
        CheckInStatus.ESCALATED
    ]


async def until_looked(client: httpx.AsyncClient, platform: Platform) -> None:
    """Until time has done all that is due now."""

    async def looked() -> bool:
        work = (await client.get("/internal/work")).json()
        now = platform.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return bool(work["looked_at"] == now) and not any(work["open"].values())

    await until(looked)


@pytest.mark.parametrize("leaves_first", [True, False])
async def test_who_leaves_ends_what_runs_with_her_whichever_is_heard_first(
    client: httpx.AsyncClient, platform: Platform, leaves_first: bool
) -> None:
    left = ParticipantWithdrawn(
        programme=platform.tag,
        participant_id=platform.person(Role.MENTOR),
        role=Role.MENTOR,
        status=ParticipantStatus.WITHDRAWN,
        registered_at=START,
    )
    if leaves_first:
        async with heard(client, "participants", 1):
            await platform.publish(left)
    await platform.publish(platform.an_accepted_match())
    await the_mentorship(client, platform)
    if not leaves_first:
        await platform.publish(left)
    await until_types(platform, "mentorship.closed")
    (closed,) = await platform.told()
    assert closed["data"]["reason"] == "someone_left"
    assert closed["data"]["match_again"] == ["mentee"]


async def test_a_crash_before_the_closing_is_made_good_when_the_event_comes_again(
    client: httpx.AsyncClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.publish(platform.an_accepted_match())
    await the_mentorship(client, platform)
    close_for, crashes = Followup._close_for, ["once"]

    async def crash_once(self: Followup, because: Any) -> None:
        if crashes:
            crashes.pop()
            raise ConnectionFailure("the process ended here")
        await close_for(self, because)

    monkeypatch.setattr(Followup, "_close_for", crash_once)
    person = platform.person(Role.MENTEE)
    await platform.publish(ParticipantErased(programme=platform.tag, participant_id=person))
    await until_types(platform, "mentorship.closed")
    assert not crashes


async def test_erasure_takes_the_words(client: httpx.AsyncClient, platform: Platform) -> None:
    await a_due_check_in(client, platform)
    await answer(client, platform, Role.MENTEE)
    my_page = platform.token(Role.MENTEE, Purpose.MY_PAGE)
    await client.post("/help", json={"token": my_page, "text": "private words"})
    erased = ParticipantErased(programme=platform.tag, participant_id=platform.person(Role.MENTEE))
    await platform.publish(erased)
    await until_types(platform, "check_in.due", "help.requested", "mentorship.closed")
    own = await client.get(f"/mentorships/{platform.match_id}?token={my_page}")
    assert own.json()["check_ins"][0]["your_answer"]["next_step"] == ""
    assert own.json()["your_help_requests"][0]["text"] == ""


async def test_two_instances_at_once_say_each_overdue_once(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    matches = [f"match-{number}-{platform.tag}" for number in range(150)]
    first = client
    async with running(platform, "2") as second:
        await platform.publish(*(platform.an_accepted_match(match_id) for match_id in matches))
        await the_mentorship(first, platform, matches[-1])
        await until_count(first, platform, "running", len(matches))
        platform.clock.set(START + days(14))
        await until_looked(first, platform)
        await asyncio.gather(*(platform.asked(1, match_id=match_id) for match_id in matches))
        await until_all_asked(second, platform, len(matches))
        platform.clock.set(START + days(21))
        await until_count(second, platform, "overdue", len(matches))
        await until_looked(first, platform)
        await until_looked(second, platform)
    told = await platform.told("check-ins")
    by_match = {match_id: [e for e in told if e["subject"] == match_id] for match_id in matches}
    for events in by_match.values():
        assert [e["sequence"] for e in events] == [1, 2]
        assert [e["type"] for e in events] == ["check_in.due", "check_in.overdue"]


async def until_count(
    client: httpx.AsyncClient, platform: Platform, state: str, count: int
) -> None:
    async def counted() -> bool:
        path = f"/programmes/{platform.tag}/mentorships?state={state}&limit=500"
        return len((await client.get(path, headers=KEY)).json()["mentorships"]) == count

    await until(counted)


async def until_all_asked(client: httpx.AsyncClient, platform: Platform, count: int) -> None:
    async def asked() -> bool:
        path = f"/programmes/{platform.tag}/mentorships?limit=500"
        rows = (await client.get(path, headers=KEY)).json()["mentorships"]
        return (
            sum(bool(r["open_check_in"] and r["open_check_in"]["asked_at"]) for r in rows) == count
        )

    await until(asked)
