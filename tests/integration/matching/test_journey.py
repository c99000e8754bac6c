"""Matching from participants to the end of a mentorship, on the real engine."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.events.check_ins import ClosingReason, MentorshipClosed
from shared.events.messages import FailureReason, MessageFailed, MessageKind
from shared.events.participants import (
    ParticipantErased,
    ParticipantPaused,
    ParticipantStatus,
    ParticipantUpdated,
    PauseReason,
    Role,
)
from tests.integration.matching.conftest import KEY, Desk, until
from tests.unit.matching.builders import DAY, START

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def two_of_them(desk: Desk, **policy: Any) -> None:
    """A programme with Amal and Birgit, who fit."""
    await desk.platform.programme(**policy)
    await desk.platform.mentees("amal")
    await desk.platform.mentors("birgit")
    await desk.knows("amal", "birgit")


async def proposed(desk: Desk, **policy: Any) -> dict[str, Any]:
    """The match of Amal and Birgit, and Amal is asked."""
    await two_of_them(desk, **policy)
    await desk.round_now()
    return await desk.asked(await desk.only_match("proposed"), Role.MENTEE)


async def accepted(desk: Desk) -> dict[str, Any]:
    match = await proposed(desk)
    await desk.answer(match, Role.MENTEE)
    await desk.asked(match, Role.MENTOR)
    await desk.answer(match, Role.MENTOR)
    return await desk.only_match("accepted")


def closing(match: dict[str, Any], *match_again: Role) -> MentorshipClosed:
    return MentorshipClosed(
        programme=match["programme"],
        match_id=match["match_id"],
        mentee_id=match["mentee_id"],
        mentor_id=match["mentor_id"],
        reason=ClosingReason.GOALS_REACHED,
        early=False,
        started_at=START,
        closed_at=START,
        match_again=match_again,
    )


async def until_types(desk: Desk, *types: str) -> None:
    async def said() -> bool:
        return len(await desk.platform.types()) >= len(types)

    await until(said)
    assert await desk.platform.types() == list(types)


async def test_a_match_goes_from_proposal_to_its_end_and_both_are_free_again(desk: Desk) -> None:
    match = await accepted(desk)
    assert sum(reason["points"] for reason in match["reasons"]) == match["score"]
    await desk.platform.publish(closing(match, *Role))
    await desk.only_match("ended")
    await until_types(
        desk, "match.proposed", "match.mentee_accepted", "match.accepted", "match.ended"
    )
    # Both are free, and were matched before: Amal may have somebody else, not Birgit again.
    await desk.platform.mentors("clara")
    await desk.knows("clara")
    assert (await desk.round_now())["proposed"] == 1
    again = await desk.only_match("proposed")
    assert again["mentee_id"] == desk.platform.who("amal")
    assert again["mentor_id"] == desk.platform.who("clara")


async def test_the_first_round_runs_by_itself_at_the_programmes_hour(desk: Desk) -> None:
    await two_of_them(desk, round_hour=5)
    next_round_at = (await desk.rounds())["next_round_at"]
    assert next_round_at.startswith("2026-03-03T04:00:00.")
    at = datetime.fromisoformat(next_round_at)
    desk.platform.clock.set(at - timedelta(milliseconds=1))
    assert await desk.matches() == []
    desk.platform.clock.set(at)
    match = await desk.only_match("proposed")
    assert match["proposed_at"] == next_round_at

    async def next_one() -> str:
        return str((await desk.rounds())["next_round_at"])

    async def is_set() -> bool:
        return (await next_one()).startswith("2026-03-10T04:00:00.")

    await until(is_set)


async def test_who_lets_a_proposal_pass_twice_is_counted_twice(desk: Desk) -> None:
    for number in (1, 2):
        if number == 1:
            match = await proposed(desk)
        else:
            await desk.round_now()
            match = await desk.asked(await desk.only_match("proposed"), Role.MENTEE)
        desk.platform.clock.set(datetime.fromisoformat(match["answer_by"]))

        async def expired(number: int = number) -> bool:
            return len(await desk.matches("expired")) == number

        await until(expired)

    async def both_told() -> list[int]:
        counts = [
            event["data"]["unanswered_in_a_row"]
            for event in await desk.platform.told()
            if event["type"] == "match.expired"
        ]
        return counts if len(counts) == 2 else []

    assert sorted(await until(both_told)) == [1, 2]


async def test_a_reminder_goes_out_before_the_end(desk: Desk) -> None:
    await proposed(desk)
    desk.platform.clock.set(START + 4 * DAY)
    await until_types(desk, "match.proposed", "match.reminder_due")


async def test_a_declined_pair_is_not_proposed_again(desk: Desk) -> None:
    match = await proposed(desk)
    await desk.answer(match, Role.MENTEE, says_yes=False, reason="other_field")
    assert (await desk.round_now())["proposed"] == 0
    waiting = await desk.waiting("amal")
    assert (waiting["is_waiting"], waiting["reason"]) == (True, "kept_apart_or_before")


async def test_those_who_are_kept_apart_are_never_proposed(desk: Desk) -> None:
    await desk.platform.programme()
    await desk.platform.mentees("amal")
    await desk.platform.mentors("birgit", apart_from=(desk.platform.who("amal"),))
    await desk.knows("amal", "birgit")
    assert (await desk.round_now())["proposed"] == 0


@pytest.mark.parametrize("accepted_before", [False, True])
async def test_a_pause_takes_back_what_is_unanswered_and_leaves_what_runs(
    desk: Desk, accepted_before: bool
) -> None:
    match = await (accepted(desk) if accepted_before else proposed(desk))
    pause = desk.platform.person(
        "amal",
        Role.MENTEE,
        ParticipantPaused,
        status=ParticipantStatus.PAUSED,
        reason=PauseReason.OWN_WISH,
    )
    await desk.platform.publish(pause)

    async def heard() -> bool:
        return bool((await desk.waiting("amal"))["status"] == "paused")

    await until(heard)
    if accepted_before:
        assert await desk.only_match("accepted")
        return
    await desk.only_match("withdrawn")
    await until_types(desk, "match.proposed", "match.withdrawn")
    event = (await desk.platform.told())[-1]
    assert event["data"]["reason"] == "someone_paused"
    assert event["data"]["asked"] == ["mentee"]
    assert match["match_id"] == event["subject"]


async def test_a_change_that_breaks_a_hard_constraint_takes_the_proposal_back(desk: Desk) -> None:
    await proposed(desk)
    moved = desk.platform.person("birgit", Role.MENTOR, ParticipantUpdated, city="101")
    await desk.platform.publish(moved)
    await desk.only_match("withdrawn")
    await until_types(desk, "match.proposed", "match.withdrawn")
    assert (await desk.platform.told())[-1]["data"]["reason"] == "no_longer_fits"


async def test_erasure_takes_the_proposal_back_and_forgets_what_was_shared(desk: Desk) -> None:
    await proposed(desk)
    await desk.platform.publish(
        ParticipantErased(programme=desk.platform.tag, participant_id=desk.platform.who("amal"))
    )

    async def forgotten() -> Any:
        match = await desk.only_match("withdrawn")
        return match if not match["reasons"] else None

    match = await until(forgotten)
    assert (match["score"], match["languages"], match["city"]) == (0, [], None)


async def test_whom_no_message_reaches_is_not_waited_for(desk: Desk) -> None:
    await two_of_them(desk)
    await desk.round_now()
    match = await desk.only_match("proposed")
    await desk.platform.publish(
        MessageFailed(
            programme=desk.platform.tag,
            message_id=f"{match['match_id']}-m",
            recipient_id=match["mentee_id"],
            kind=MessageKind.PROPOSAL_TO_MENTEE,
            because_of="x",
            match_id=match["match_id"],
            reason=FailureReason.REFUSED,
        )
    )
    await desk.only_match("withdrawn")

    async def outside() -> bool:
        return bool((await desk.waiting("amal"))["not_in_pool_because"] == "not_reached")

    await until(outside)
    assert (await desk.round_now())["mentees"] == 0


async def test_with_review_nobody_is_asked_until_a_coordinator_has_approved(desk: Desk) -> None:
    await two_of_them(desk, review_before_proposing=True)
    await desk.round_now()
    held = await desk.only_match("held")
    path = f"/matches/{held['match_id']}"
    link = {"token": desk.platform.token(held, Role.MENTEE)}
    assert (await desk.client.get(path, params=link)).status_code == 404
    once = {**KEY, "Idempotency-Key": "k"}
    answers = [await desk.client.post(f"{path}/approve", headers=once) for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["proposed", "proposed"]
    await until_types(desk, "match.held", "match.approved", "match.proposed")


async def test_nobody_waits_without_a_word_and_coordinators_see_where_mentors_miss(
    desk: Desk,
) -> None:
    await desk.platform.programme()
    await desk.platform.mentees("amal", profession="7115")
    await desk.knows("amal")
    await desk.round_now()
    waiting = await desk.waiting("amal")
    assert waiting["reason"] == "no_one_in_reach"

    async def told() -> Any:
        return await desk.platform.told("pool")

    (gap,) = await until(told)
    assert gap["type"] == "recruitment.gap"
    assert (gap["data"]["waiting"], gap["data"]["profession"]) == (1, "7115")
    desk.platform.clock.set(START + 14 * DAY)

    async def note() -> Any:
        return [one for one in await told() if one["type"] == "participant.still_waiting"]

    (still,) = await until(note)
    assert still["subject"] == desk.platform.who("amal")
    assert still["data"]["reason"] == "no_one_in_reach"


async def test_a_mentor_gets_no_more_proposals_than_she_has_seats(desk: Desk) -> None:
    await desk.platform.programme()
    await desk.platform.mentors("birgit", seats=3)
    await desk.platform.mentees(*(f"amal{number}" for number in range(5)))
    await desk.knows("birgit", *(f"amal{number}" for number in range(5)))
    assert (await desk.round_now())["proposed"] == 3
    assert sorted(match["seat"] for match in await desk.matches("proposed")) == [1, 2, 3]
    assert (await desk.round_now())["proposed"] == 0


async def test_who_wants_no_other_match_gets_none(desk: Desk) -> None:
    match = await accepted(desk)
    await desk.platform.publish(closing(match, Role.MENTEE))
    await desk.only_match("ended")

    async def rests() -> bool:
        return bool((await desk.waiting("birgit"))["not_in_pool_because"] == "wants_no_other_match")

    await until(rests)
    assert (await desk.waiting("amal"))["is_waiting"]
