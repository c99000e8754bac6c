"""Rounds on the real database: races, lost leases, crashes in the middle, changes meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.matching.domain import life
from services.matching.domain.match import Match
from services.matching.domain.refusals import PairKnown, SeatTaken
from services.matching.recalling import Recalling
from shared.decisions import Decision
from shared.errors import LeaseLost
from shared.events.participants import (
    ParticipantPaused,
    ParticipantStatus,
    PauseReason,
    Role,
)
from shared.events.wire import Event
from shared.storage.changes import Cause, Change, Outcome, Status
from tests.integration.matching.office import Interrupted, Office, after_each_write, decided
from tests.unit.matching.builders import (
    DAY,
    START,
    a_match,
    a_participant,
    asked,
    event_of,
    only_event,
    proposed,
    then,
)


async def test_a_round_places_everybody_for_whom_there_is_a_seat(office: Office) -> None:
    await office.open_up(mentees=7, mentors=2, seats=3)
    await office.rounds(proposals_at_once=4).run_due(START)
    pairs = await office.pairs()
    assert len(pairs) == 6
    (record,) = await office.store.latest_rounds(office.programme, 10)
    assert (record.mentees, record.mentors, record.proposed, record.waiting) == (7, 2, 6, 1)
    assert record.blocking_pairs == 0
    waiting = await office.store.people.load(f"mentee{n:03}-{office.programme}" for n in range(7))
    assert sum(known.wait is not None for known in waiting.values()) == 1


async def test_a_lease_that_is_lost_in_mid_round_writes_nothing(office: Office) -> None:
    await office.open_up(mentees=3, mentors=3)
    with pytest.raises(LeaseLost):
        await office.rounds(Interrupted(office.expire_lease)).run_due(START)
    assert await office.pairs() == {}
    assert await office.store.latest_rounds(office.programme, 10) == []
    office.free_lease()
    await office.rounds().run_due(START)
    assert len(await office.pairs()) == 3


async def test_a_lease_that_is_lost_between_two_chunks_writes_no_more(office: Office) -> None:
    await office.open_up(mentees=4, mentors=4)
    rounds = office.rounds(proposals_at_once=1)
    after_each_write(office.store, lambda number: office.expire_lease() if number == 1 else None)
    with pytest.raises(LeaseLost):
        await rounds.run_due(START)
    assert len(await office.pairs()) == 1


@pytest.mark.parametrize("written", [1, 3, 5, 6])
async def test_a_round_that_was_cut_off_comes_to_the_same_pairs(
    office: Office, written: int
) -> None:
    class Crash(Exception):
        pass

    def crash(number: int) -> None:
        if number == written:
            raise Crash

    await office.open_up_to_many_kinds()
    await office.rounds().run_due(START)
    whole, record = await office.pairs(), await office.record()
    assert len(whole) > 6
    office.forget_everything()
    await office.open_up_to_many_kinds()
    undo = after_each_write(office.store, crash)
    with pytest.raises(Crash):
        await office.rounds(proposals_at_once=1).run_due(START)
    undo()
    assert len(await office.pairs()) == written
    office.free_lease()
    await office.rounds().run_due(START)
    assert await office.pairs() == whole
    assert await office.record() == record
    unsent = [document["outbox"] for document in office.admin["matching"]["matches"].find()]
    assert [len(outbox) for outbox in unsent] == [1] * len(whole), "proposed once each"


async def test_two_matchers_at_one_round_make_it_once(office: Office) -> None:
    await office.open_up(mentees=20, mentors=20)

    async def patiently() -> None:
        rounds = office.rounds()
        for _ in range(200):
            try:
                return await rounds.run_due(START)
            except LeaseLost:
                await asyncio.sleep(0.02)
        raise AssertionError("the lease was never free")

    await asyncio.gather(patiently(), patiently())
    assert len(await office.pairs()) == 20
    (record,) = await office.store.latest_rounds(office.programme, 10)
    assert record.proposed == 20
    assert await office.store.matches.count({"state.programme": office.programme}) == 20


async def test_the_database_refuses_a_second_open_match_and_a_taken_seat(office: Office) -> None:
    """Two matchers that know nothing of each other, and no lease: the indexes have the last word."""

    async def propose(matches: Sequence[Match]) -> list[Outcome[Match]]:
        return await office.store.matches.change(
            [
                Change(
                    match.match_id,
                    lambda kept, match=match: (  # type: ignore[misc]
                        None if kept else life.make(match, START, review=False)
                    ),
                    Cause.due(START),
                )
                for match in matches
            ]
        )

    mine = [a_match(f"a{n}", mentee_id=f"e{n}", mentor_id=f"r{n}") for n in range(50)]
    others = [a_match(f"b{n}", mentee_id=f"e{n}", mentor_id=f"r{n + 1}") for n in range(50)]
    both = await asyncio.gather(propose(mine), propose(others))
    open_matches = [m async for _, m in office.store.matches.find({"state.open": True})]
    assert len({match.mentee_id for match in open_matches}) == len(open_matches)
    assert len({(match.mentor_id, match.seat) for match in open_matches}) == len(open_matches)
    written = sum(outcome.status is Status.CHANGED for outcomes in both for outcome in outcomes)
    refused = [outcome.refusal for outcomes in both for outcome in outcomes if outcome.refusal]
    assert written == len(open_matches)
    assert written + len(refused) == 100
    assert set(refused) <= {SeatTaken(), PairKnown()}


async def test_after_a_restore_a_no_is_known_also_of_pairs_whose_proposal_had_passed_before(
    office: Office,
) -> None:
    """The backup has the first proposal, still open; it passed, and the next was declined."""
    said: list[Event[Any]] = []
    for number in range(20):
        pair: dict[str, Any] = {"mentee_id": f"e{number}", "mentor_id": f"r{number}"}
        first = asked(proposed(f"first{number}", **pair))
        kept = Change(first.match_id, lambda _, first=first: Decision(first), Cause.due(START))  # type: ignore[misc]
        await office.store.matches.change([kept])
        passing = life.expire(first, START + 30 * DAY, 1)
        proposing = life.make(a_match(f"next{number}", **pair), START, review=False)
        to_be_asked = asked(then(proposing))
        declining = life.answer(to_be_asked, Role.MENTEE, START, says_yes=False)
        said += [
            event_of(only_event(decision), sequence, START + sequence * DAY)
            for sequence, decision in enumerate((passing, proposing, declining), 1)
        ]
    await Recalling(office.store, office.runtime.clock).recall_matches(said)
    declined = await office.store.matches.load(f"next{number}" for number in range(20))
    assert len(declined) == 20
    assert all(match.never_again and not match.open for match in declined.values())


async def test_who_pauses_while_the_round_is_being_solved_keeps_no_proposal(office: Office) -> None:
    await office.open_up(mentees=2, mentors=2)
    who = f"mentee000-{office.programme}"

    def pause() -> None:
        office.admin["matching"]["known"].update_one(
            {"_id": f"participants/{who}"},
            {"$set": {"state.status": "paused"}, "$inc": {"version": 1}},
        )

    await office.rounds(Interrupted(pause)).run_due(START)
    assert sorted(await office.pairs()) == [f"mentee001-{office.programme}"]


async def test_a_new_matcher_takes_back_what_no_longer_holds(office: Office) -> None:
    await office.open_up(mentees=1, mentors=0)
    stale = replace(
        proposed("stale", mentee_id=f"mentee000-{office.programme}", mentor_id="gone"),
        programme=office.programme,
    )
    await office.store.matches.change([Change("stale", lambda _: decided(stale), Cause.due(START))])
    gone = a_participant(
        "gone",
        Role.MENTOR,
        ParticipantPaused,
        programme=office.programme,
        status=ParticipantStatus.PAUSED,
        reason=PauseReason.OWN_WISH,
    )
    await office.hear(gone)
    await office.rounds().run_due(START)
    assert await office.pairs() == {}


async def test_the_order_in_which_people_came_changes_nothing(office: Office) -> None:
    names = [("mentee", Role.MENTEE, n) for n in range(12)] + [
        ("mentor", Role.MENTOR, n) for n in range(7)
    ]
    found = []
    for order in (names, names[::-1]):
        office.forget_everything()
        await office.open_up(mentees=0, mentors=0)
        for kind, role, number in order:
            await office.hear(office.person(f"{kind}{number}", role))
        await office.rounds().run_due(START)
        ids = {m.match_id async for _, m in office.store.matches.find({"state.open": True})}
        found.append((await office.pairs(), ids))
    assert found[0] == found[1]
    assert len(found[0][0]) == 7
