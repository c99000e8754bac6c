"""Why two are not matched: all that is in the way, or what decided, and nothing private of others."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain import constraints
from services.matching.domain.constraints import HARD_CONSTRAINTS, Situation
from services.matching.domain.match import AnswerRules, Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.person import Person
from services.matching.domain.reasons import pairing_of, reasons_for
from services.matching.domain.round import RoundInput
from services.matching.domain.why_not import _CODES, Ahead, DecidedBy, InTheWay, Pair, why_not
from shared.events.matches import MatchStatus
from shared.events.participants import ParticipantStatus, Role
from tests.unit.matching.engine_builders import (
    WEIGHTS,
    Builder,
    a_mentee,
    a_mentor,
    mentees_of,
    mentors_of,
    rounds,
)


def known(person: Person, **fields: Any) -> KnownPerson:
    return KnownPerson(person.participant_id, "kvinfo", ParticipantStatus.ACTIVE, person, **fields)


def a_match(
    mentee: Person, mentor: Person, status: MatchStatus = MatchStatus.PROPOSED, seat: int = 1
) -> Match:
    match = Match.of(
        pairing_of(mentee, mentor, WEIGHTS),
        match_id=f"{mentee.participant_id}+{mentor.participant_id}",
        programme="kvinfo",
        city=None,
        seat=seat,
        round_id="round",
        rules=AnswerRules(7, 7, 4),
    )
    is_open = status not in (MatchStatus.DECLINED, MatchStatus.ENDED)
    return replace(match, status=status, open=is_open, never_again=True)


def pair(
    mentee: Builder, mentor: Builder, *others: Builder, binding: tuple[Match, ...] = ()
) -> Pair:
    everybody = [one.person for one in (mentee, mentor, *others)]
    return Pair(
        known(mentee.person),
        known(mentor.person),
        mentors=[known(one) for one in everybody if one.role is Role.MENTOR],
        holders={one.participant_id: known(one) for one in everybody if one.role is Role.MENTEE},
        binding=binding,
        weights=WEIGHTS,
    )


def codes(asked: Pair) -> list[InTheWay]:
    return [obstacle.code for obstacle in why_not(asked).in_the_way]


def test_every_hard_constraint_has_a_code() -> None:
    assert {type(rule).__name__ for rule in HARD_CONSTRAINTS} == set(_CODES)


@given(rounds(), st.data())
def test_nothing_is_in_the_way_exactly_when_the_constraints_allow_and_both_are_free(
    round_input: RoundInput, data: st.DataObject
) -> None:
    mentees, mentors = mentees_of(round_input), mentors_of(round_input)
    if not mentees or not mentors:
        return
    mentee, mentor = data.draw(st.sampled_from(mentees)), data.draw(st.sampled_from(mentors))
    statuses = (MatchStatus.PROPOSED, MatchStatus.ACCEPTED, MatchStatus.DECLINED, MatchStatus.ENDED)
    binding = tuple(
        a_match(data.draw(st.sampled_from(mentees)), one, data.draw(st.sampled_from(statuses)))
        for one in data.draw(st.lists(st.sampled_from(mentors), max_size=3))
    )
    away = data.draw(st.sampled_from(("", "mentee", "mentor")))
    asked = Pair(
        known(mentee, unreached=away == "mentee"),
        known(mentor, resting=away == "mentor"),
        mentors=[known(one) for one in mentors],
        holders={one.participant_id: known(one) for one in mentees},
        binding=binding,
        weights=WEIGHTS,
    )
    answer = why_not(asked)
    taken = sum(one.open and one.mentor_id == mentor.participant_id for one in binding)
    situation = Situation(
        {mentor.participant_id: mentor.seats - taken},
        {(one.mentee_id, one.mentor_id) for one in binding if not one.open},
    )
    is_free = not any(one.open and one.mentee_id == mentee.participant_id for one in binding)
    allowed = not constraints.why_not(mentee, mentor, situation)
    assert (not answer.in_the_way) is (allowed and is_free and not away)
    if not answer.in_the_way:
        assert answer.decided is not None
        assert answer.decided.code is DecidedBy.NEXT_ROUND
        points = {reason.factor: reason.points for reason in answer.reasons if reason.points}
        expected = {one.factor: one.points for one in reasons_for(mentee, mentor, WEIGHTS)}
        assert points == expected
        assert answer.score == sum(expected.values())


def test_everything_in_the_way_is_told_the_first_thing_first() -> None:
    asked = pair(a_mentee().in_("461").speaking("ar"), a_mentor().in_("101").speaking("da"))
    assert codes(asked) == [InTheWay.NO_SHARED_LANGUAGE, InTheWay.OUT_OF_REACH]


def test_who_keeps_apart_is_not_told() -> None:
    by_mentee = why_not(pair(a_mentee().apart_from("mentor"), a_mentor()))
    by_mentor = why_not(pair(a_mentee(), a_mentor().apart_from("mentee")))
    assert by_mentee == by_mentor
    assert by_mentee.score is None


def test_who_declined_is_not_told() -> None:
    mentee, mentor = a_mentee(), a_mentor()
    told = {
        why_not(pair(mentee, mentor, binding=(a_match(mentee.person, mentor.person, status),)))
        for status in (MatchStatus.DECLINED, MatchStatus.ENDED)
    }
    assert len(told) == 1


def test_somebody_paused_is_not_active_and_somebody_erased_neither() -> None:
    asked = pair(a_mentee(), a_mentor())
    paused = replace(asked, mentor=replace(asked.mentor, status=ParticipantStatus.PAUSED))
    assert codes(paused) == [InTheWay.MENTOR_NOT_ACTIVE]
    erased = replace(
        asked, mentee=replace(asked.mentee, status=ParticipantStatus.ERASED, person=None)
    )
    assert codes(erased) == [InTheWay.MENTEE_NOT_ACTIVE]


def test_who_cannot_be_reached_or_wants_no_other_match_now_is_not_active() -> None:
    asked = pair(a_mentee(), a_mentor())
    unreached = replace(asked, mentee=replace(asked.mentee, unreached=True))
    assert codes(unreached) == [InTheWay.MENTEE_NOT_ACTIVE]
    resting = replace(asked, mentor=replace(asked.mentor, resting=True))
    assert codes(resting) == [InTheWay.MENTOR_NOT_ACTIVE]


def test_she_got_one_whom_she_ranks_higher() -> None:
    mentee = a_mentee().liking("films", "cooking")
    better, mentor = a_mentor("better").liking("films"), a_mentor()
    asked = pair(mentee, mentor, better, binding=(a_match(mentee.person, better.person),))
    answer = why_not(asked)
    assert codes(asked) == [InTheWay.HAS_OPEN_MATCH]
    assert answer.decided is not None
    assert answer.decided.code is DecidedBy.HAS_ONE_SHE_RANKS_HIGHER
    assert (answer.rank, answer.options) == (2, 2)


def test_the_seats_went_to_others_who_waited_longer_and_have_fewer_options() -> None:
    mentee = a_mentee().speaking("da", "en").waiting_since(3)
    other = a_mentee("other").speaking("da").waiting_since(30)
    mentor, english = a_mentor(), a_mentor("english").speaking("en")
    asked = pair(mentee, mentor, other, english, binding=(a_match(other.person, mentor.person),))
    answer = why_not(asked)
    assert codes(asked) == [InTheWay.NO_FREE_SEAT]
    assert answer.decided is not None
    assert answer.decided.code is DecidedBy.SEATS_WENT_TO_OTHERS
    assert answer.decided.ahead == (Ahead.WAITED_LONGER, Ahead.FEWER_OPTIONS)
    assert "other" not in repr(answer).replace("others", "").replace("another", "")


def test_a_mentorship_that_runs_is_told_as_no_more_than_that() -> None:
    other, mentor = a_mentee("other").waiting_since(90), a_mentor()
    running = a_match(other.person, mentor.person, MatchStatus.ACCEPTED)
    answer = why_not(pair(a_mentee(), mentor, other, binding=(running,)))
    assert answer.decided is not None
    assert answer.decided.ahead == (Ahead.MENTORSHIP_RUNS,)


def test_a_pair_that_is_matched_now_needs_no_reason() -> None:
    mentee, mentor = a_mentee(), a_mentor()
    asked = pair(mentee, mentor, binding=(a_match(mentee.person, mentor.person),))
    assert InTheWay.MATCHED_NOW in codes(asked)
    assert why_not(asked).decided is None


def test_equals_share_a_rank() -> None:
    asked = pair(a_mentee(), a_mentor(), a_mentor("one"), a_mentor("two"))
    answer = why_not(asked)
    assert (answer.rank, answer.options) == (1, 3)
