"""Between the rounds, on the real database: who is proposed to at once, who waits, who is displaced."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.matching.domain import life
from services.matching.domain.match import Match
from services.matching.domain.schedule import RoundKind, top_up_after
from shared.errors import LeaseLost
from shared.events.matches import MatchStatus, WithdrawReason
from shared.events.participants import KindOfHelp, Role
from shared.events.programmes import BetweenRounds, BetweenRoundsIn
from shared.storage.changes import Cause, Change
from tests.integration.matching.office import Interrupted, Office, after_each_write, decided
from tests.unit.matching.builders import START, a_match, a_match_after

AT_ONCE = BetweenRounds.AT_ONCE


def who(office: Office, name: str) -> str:
    return f"{name}-{office.programme}"


async def propose(office: Office, match_id: str, mentee: str, mentor: str, **fields: Any) -> Match:
    """A proposal that the mentee has not answered."""
    paired = a_match(match_id, mentee_id=who(office, mentee), mentor_id=who(office, mentor))
    paired = replace(paired, programme=office.programme, **fields)
    match = a_match_after(life.make(paired, START, review=False))
    await office.store.matches.change(
        [Change(match_id, lambda _: decided(match), Cause.due(START))]
    )
    return match


async def ask(office: Office, match: Match) -> Match:
    """Her message has gone out."""
    asked = a_match_after(life.asked(match, Role.MENTEE, START))
    await office.store.matches.change(
        [Change(match.match_id, lambda _: decided(asked), Cause.due(START))]
    )
    return asked


async def withdrawn(office: Office) -> dict[str, WithdrawReason]:
    """Why what was taken back was, by match, as its event says."""
    found = office.admin["matching"]["matches"].find({"state.status": "withdrawn"})
    return {
        document["_id"]: WithdrawReason(reason)
        for document in found
        for entry in document["outbox"]
        for reason in [json.loads(entry["value"]).get("reason")]
        if reason is not None
    }


async def test_who_arrives_is_proposed_to_between_the_rounds(office: Office) -> None:
    await office.open_up(mentees=0, mentors=1, between_rounds=AT_ONCE)
    await office.note_top_up()
    await office.hear(office.person("newcomer", Role.MENTEE))
    await office.rounds().run_due(START)
    assert await office.pairs() == {who(office, "newcomer"): who(office, "mentor000")}
    record = await office.record()
    assert (record.kind, record.proposed, record.displaced) == (RoundKind.TOP_UP, 1, 0)
    known = await office.store.programmes.get(office.programme)
    assert known is not None
    assert known.next_top_up_at is None


async def test_a_scarce_city_waits_for_the_round_and_its_seats_with_it(office: Office) -> None:
    await office.open_up(mentees=0, mentors=0)
    await office.note_top_up("461")
    for city in ("461", "751"):
        await office.hear(
            office.person(f"mentee{city}", Role.MENTEE, city=city, meets_online=True),
            office.person(f"mentor{city}", Role.MENTOR, city=city, meets_online=True),
        )
    await office.hear(office.person("second461", Role.MENTEE, meets_online=True))
    await office.rounds().run_due(START)
    assert set((await office.pairs()).values()) == {who(office, "mentor461")}
    known = await office.store.programmes.get(office.programme)
    assert known is not None
    await office.set_programme(replace(known, asked_round_at=START))
    await office.rounds().run_due(START)
    assert set((await office.pairs()).values()) == {
        who(office, "mentor461"),
        who(office, "mentor751"),
    }


async def test_a_city_that_is_told_to_wait_for_rounds_does(office: Office) -> None:
    no = (BetweenRoundsIn(city="461", mode=BetweenRounds.ROUNDS_ONLY),)
    await office.open_up(1, 1, between_rounds=AT_ONCE, between_rounds_in=no)
    await office.note_top_up("461")
    await office.rounds().run_due(START)
    assert await office.pairs() == {}


async def test_a_round_measures_which_cities_are_plentiful(office: Office) -> None:
    await office.open_up(mentees=1, mentors=3, seats=2)
    await office.hear(office.person("alone", Role.MENTEE, city="751"))
    await office.rounds().run_due(START)
    (record,) = await office.store.latest_rounds(office.programme, 10)
    assert {one.city: (one.seats, one.seats_each) for one in record.supply} == {
        "461": (5, 5.0),
        "751": (0, 0.0),
    }
    known = await office.store.programmes.get(office.programme)
    assert known is not None
    assert known.plentiful == ("461",)


async def test_the_seat_goes_to_who_has_waited_longer_and_the_other_gets_the_next_best(
    office: Office,
) -> None:
    await office.open_up(mentees=1, mentors=1, between_rounds=AT_ONCE)
    await office.note_top_up()
    await propose(office, "first", "mentee000", "mentor000")
    long_ago = START - timedelta(days=170)
    await office.hear(office.person("longer", Role.MENTEE, available_since=long_ago))
    other = office.person("other", Role.MENTOR, kinds_of_help=(KindOfHelp.EVERYDAY_SOCIETY,))
    await office.hear(other)
    await office.rounds(proposals_at_once=1).run_due(START)
    assert await office.pairs() == {
        who(office, "longer"): who(office, "mentor000"),
        who(office, "mentee000"): who(office, "other"),
    }
    first = await office.store.matches.get("first")
    assert first is not None
    assert (first.status, first.never_again) == (MatchStatus.WITHDRAWN, False)
    assert await withdrawn(office) == {"first": WithdrawReason.NEEDED_MORE}
    assert (await office.record()).displaced == 1


async def test_a_displaced_mentee_for_whom_there_is_nobody_waits(office: Office) -> None:
    await office.open_up(mentees=1, mentors=1, between_rounds=AT_ONCE)
    await office.note_top_up()
    await propose(office, "first", "mentee000", "mentor000")
    long_ago = START - timedelta(days=170)
    await office.hear(office.person("longer", Role.MENTEE, available_since=long_ago))
    await office.rounds().run_due(START)
    assert await office.pairs() == {who(office, "longer"): who(office, "mentor000")}
    assert await withdrawn(office) == {"first": WithdrawReason.NEEDED_MORE}


async def test_who_has_not_answered_moves_up_to_a_better_mentor_who_is_free_now(
    office: Office,
) -> None:
    await office.open_up(mentees=1, mentors=0, between_rounds=AT_ONCE)
    await office.note_top_up()
    await propose(office, "first", "mentee000", "weaker", score=1)
    await office.hear(
        office.person("weaker", Role.MENTOR, kinds_of_help=(KindOfHelp.EVERYDAY_SOCIETY,)),
        office.person("better", Role.MENTOR),
    )
    await office.rounds().run_due(START)
    assert await office.pairs() == {who(office, "mentee000"): who(office, "better")}
    assert await withdrawn(office) == {"first": WithdrawReason.BETTER_FOUND}


@pytest.mark.parametrize(("displace", "keeps_it"), [("unasked", True), ("unanswered", False)])
async def test_by_policy_nobody_loses_a_proposal_that_she_was_asked_about(
    office: Office, displace: str, *, keeps_it: bool
) -> None:
    await office.open_up(1, 1, between_rounds=AT_ONCE, displace=displace)
    await office.note_top_up()
    await ask(office, await propose(office, "first", "mentee000", "mentor000"))
    long_ago = START - timedelta(days=170)
    await office.hear(office.person("longer", Role.MENTEE, available_since=long_ago))
    await office.rounds().run_due(START)
    holder = "mentee000" if keeps_it else "longer"
    assert await office.pairs() == {who(office, holder): who(office, "mentor000")}


@pytest.mark.parametrize("says_yes_to", ["mentee", "both"])
async def test_what_the_mentee_has_said_yes_to_is_frozen(office: Office, says_yes_to: str) -> None:
    await office.open_up(mentees=1, mentors=1, between_rounds=AT_ONCE)
    await office.note_top_up()
    match = await propose(office, "first", "mentee000", "mentor000")
    for side in (Role.MENTEE, Role.MENTOR)[: 1 if says_yes_to == "mentee" else 2]:
        match = a_match_after(life.answer(match, side, START, says_yes=True))
    await office.store.matches.change([Change("first", lambda _: decided(match), Cause.due(START))])
    long_ago = START - timedelta(days=170)
    await office.hear(office.person("longer", Role.MENTEE, available_since=long_ago))
    await office.rounds().run_due(START)
    assert await office.pairs() == {who(office, "mentee000"): who(office, "mentor000")}


async def test_who_says_yes_while_the_top_up_is_being_solved_keeps_her_mentor(
    office: Office,
) -> None:
    await office.open_up(mentees=1, mentors=1, between_rounds=AT_ONCE)
    await office.note_top_up()
    await propose(office, "first", "mentee000", "mentor000")
    long_ago = START - timedelta(days=170)
    await office.hear(office.person("longer", Role.MENTEE, available_since=long_ago))

    def say_yes() -> None:
        office.admin["matching"]["matches"].update_one(
            {"_id": "first"},
            {"$set": {"state.status": "mentee_accepted", "state.mentee_said": True}},
        )

    await office.rounds(Interrupted(say_yes)).run_due(START)
    assert await office.pairs() == {who(office, "mentee000"): who(office, "mentor000")}
    record = await office.record()
    assert (record.proposed, record.refused, record.displaced) == (0, 1, 0)
    known = await office.store.programmes.get(office.programme)
    assert known is not None
    assert known.next_top_up_at == top_up_after(START), "the other one is looked at again"


async def a_displacing_top_up(office: Office) -> None:
    """After a round, others come, so that a top-up displaces some and proposes to more."""
    await office.open_up_to_many_kinds(between_rounds=AT_ONCE)
    await office.rounds().run_due(START)
    await office.many_kinds("later", mentees=14, mentors=3, seed=8)
    await office.note_top_up()


async def test_a_top_up_that_was_cut_off_comes_to_the_same_pairs(office: Office) -> None:
    class Crash(Exception):
        pass

    async def records() -> list[Any]:
        found = await office.store.latest_rounds(office.programme, 10)
        return [replace(record, seconds=0.0) for record in found]

    await a_displacing_top_up(office)
    await office.rounds().run_due(START)
    whole, taken_back, kept = await office.pairs(), await withdrawn(office), await records()
    assert kept[0].kind is RoundKind.TOP_UP
    assert kept[0].displaced >= 3
    assert kept[0].proposed >= 6
    for written in (1, kept[0].displaced, kept[0].displaced + 2):
        office.forget_everything()
        await a_displacing_top_up(office)

        def crash(number: int, after: int = written) -> None:
            if number == after:
                raise Crash

        undo = after_each_write(office.store, crash)
        with pytest.raises(Crash):
            await office.rounds(proposals_at_once=1).run_due(START)
        undo()
        office.free_lease()
        await office.rounds().run_due(START)
        assert await office.pairs() == whole
        assert await withdrawn(office) == taken_back
        assert await records() == kept


async def test_a_lease_that_is_lost_in_mid_top_up_writes_nothing(office: Office) -> None:
    await a_displacing_top_up(office)
    before = await office.pairs()
    with pytest.raises(LeaseLost):
        await office.rounds(Interrupted(office.expire_lease)).run_due(START)
    assert await office.pairs() == before
    assert await withdrawn(office) == {}


async def test_two_matchers_at_one_top_up_make_it_once(office: Office) -> None:
    await a_displacing_top_up(office)

    async def patiently() -> None:
        rounds = office.rounds()
        for _ in range(200):
            try:
                return await rounds.run_due(START)
            except LeaseLost:
                await asyncio.sleep(0.02)
        raise AssertionError("the lease was never free")

    await asyncio.gather(patiently(), patiently())
    records = await office.store.latest_rounds(office.programme, 10)
    assert [record.kind for record in records] == [RoundKind.TOP_UP, RoundKind.ROUND]
    assert len(await withdrawn(office)) == records[0].displaced


async def test_a_mentor_who_now_offers_fewer_seats_is_given_nobody_more(office: Office) -> None:
    await office.open_up(mentees=2, mentors=1, seats=2, between_rounds=AT_ONCE)
    await office.note_top_up()
    await propose(office, "first", "mentee000", "mentor000", seat=2)
    await office.hear(office.person("mentor000", Role.MENTOR, seats=1))
    await office.rounds().run_due(START)
    assert len(await office.pairs()) == 1


async def test_who_paused_keeps_her_seat_only_until_that_is_heard_of(office: Office) -> None:
    """A top-up neither moves nor fills what is about to be withdrawn."""
    await office.open_up(mentees=2, mentors=1, between_rounds=AT_ONCE)
    await office.note_top_up()
    await propose(office, "first", "mentee000", "mentor000")
    office.admin["matching"]["known"].update_one(
        {"_id": f"participants/{who(office, 'mentee000')}"},
        {"$set": {"state.status": "paused"}, "$inc": {"version": 1}},
    )
    await office.rounds().run_due(START)
    assert await office.pairs() == {who(office, "mentee000"): who(office, "mentor000")}
    assert (await office.record()).displaced == 0


async def test_what_no_longer_fits_is_left_to_be_withdrawn_as_that(office: Office) -> None:
    await office.open_up(mentees=1, mentors=1, between_rounds=AT_ONCE)
    await office.note_top_up()
    await propose(office, "first", "mentee000", "mentor000")
    await office.hear(office.person("mentor000", Role.MENTOR, languages=("uk",)))
    await office.rounds().run_due(START)
    assert await withdrawn(office) == {}
    assert (await office.record()).displaced == 0
