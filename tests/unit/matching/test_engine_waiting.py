"""Who waits is told what is true, and what would help would."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from services.matching.domain.constraints import HARD_CONSTRAINTS, FreeSeat, Situation
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.person import Person
from services.matching.domain.round import RoundInput, Waiting
from shared.events.participants import Role, TimeOfWeek
from shared.events.pool import WaitingReason, WhatHelps
from tests.unit.matching.engine_builders import (
    LANGUAGES,
    Builder,
    a_mentee,
    a_mentor,
    a_round,
    mentees_of,
    mentors_of,
    rounds,
)

ENGINE = ColumnarEngine()


def waiting(round_input: RoundInput, participant_id: str = "mentee") -> Waiting:
    found = {one.participant_id: one for one in ENGINE.solve(round_input).waiting}
    return found[participant_id]


@pytest.mark.parametrize(
    ("mentee", "mentor", "reason", "helps"),
    [
        (
            a_mentee().speaking("ar"),
            a_mentor(),
            WaitingReason.NO_ONE_SHARES_A_LANGUAGE,
            WhatHelps.MORE_LANGUAGES,
        ),
        (
            a_mentee().in_("101"),
            a_mentor().online(),
            WaitingReason.NO_ONE_IN_REACH,
            WhatHelps.MEET_ONLINE,
        ),
        (
            a_mentee().free_at(TimeOfWeek.SAT_MORNING),
            a_mentor(),
            WaitingReason.NO_COMMON_TIME,
            WhatHelps.MORE_TIMES,
        ),
        (
            a_mentee().apart_from("mentor"),
            a_mentor(),
            WaitingReason.KEPT_APART_OR_BEFORE,
            WhatHelps.RECRUITING,
        ),
    ],
)
def test_a_mentee_whom_nobody_fits_hears_the_first_thing_in_the_way(
    mentee: Builder, mentor: Builder, reason: WaitingReason, helps: WhatHelps
) -> None:
    assert waiting(a_round(mentee, mentor)) == Waiting("mentee", reason, (helps,), 0)


def test_it_helps_a_mentee_without_a_common_time_to_name_more_even_if_seats_are_taken_now() -> None:
    busy = a_round(a_mentee().free_at(TimeOfWeek.SAT_MORNING), a_mentor(), free_seats={})
    assert waiting(busy).what_helps == (WhatHelps.MORE_TIMES,)


def test_nobody_is_told_to_meet_online_if_the_others_do_not() -> None:
    found = waiting(a_round(a_mentee().in_("101"), a_mentor()))
    assert found.reason is WaitingReason.NO_ONE_IN_REACH
    assert found.what_helps == (WhatHelps.RECRUITING,)


def test_a_mentee_whose_mentors_are_all_full_hears_how_many_there_are() -> None:
    full = a_round(a_mentee(), a_mentor("bea"), a_mentor("kirsten"), free_seats={})
    assert waiting(full) == Waiting(
        "mentee",
        WaitingReason.ALL_SEATS_TAKEN,
        (WhatHelps.RECRUITING, WhatHelps.PATIENCE),
        mentors_in_reach=2,
    )


def test_a_mentee_is_told_that_others_waited_longer_only_if_they_did() -> None:
    older = a_round(a_mentee().waiting_since(2), a_mentee("old").waiting_since(90), a_mentor())
    assert waiting(older).reason is WaitingReason.OTHERS_WAITED_LONGER
    liked = a_round(
        a_mentee().waiting_since(2),
        a_mentee("new").waiting_since(1).liking("films", "gardens"),
        a_mentor().liking("films", "gardens"),
    )
    assert waiting(liked).reason is WaitingReason.NEXT_ROUND


def test_without_any_mentor_nobody_is_in_reach_and_recruiting_helps() -> None:
    assert waiting(a_round(a_mentee())) == Waiting(
        "mentee", WaitingReason.NO_ONE_IN_REACH, (WhatHelps.RECRUITING,), 0
    )


def test_a_mentor_without_a_mentee_is_told_so_and_a_full_one_does_not_wait() -> None:
    alone = a_round(a_mentor())
    assert waiting(alone, "mentor") == Waiting(
        "mentor", WaitingReason.NO_MENTEE_YET, (WhatHelps.PATIENCE,), 0
    )
    assert ENGINE.solve(a_round(a_mentor(), free_seats={})).waiting == ()


def test_a_mentor_whom_nobody_fits_hears_what_is_in_the_way_and_what_helps() -> None:
    found = waiting(a_round(a_mentee().online().in_("101"), a_mentor()), "mentor")
    assert found.reason is WaitingReason.NO_ONE_IN_REACH
    assert found.what_helps == (WhatHelps.MEET_ONLINE,)


def test_a_mentor_whom_nobody_fits_hears_what_helps_even_if_all_mentees_are_matched() -> None:
    other = a_mentor("other").free_at(TimeOfWeek.SAT_MORNING)
    found = waiting(a_round(a_mentee(), a_mentor(), other), "other")
    assert found.reason is WaitingReason.NO_COMMON_TIME
    assert found.what_helps == (WhatHelps.MORE_TIMES,)


CHANGES: dict[WhatHelps, dict[str, Any]] = {
    WhatHelps.MEET_ONLINE: {"meets_online": True},
    WhatHelps.MORE_TIMES: {"availability": tuple(TimeOfWeek)},
    WhatHelps.MORE_LANGUAGES: {"languages": LANGUAGES},
}


@given(rounds())
def test_what_is_said_to_help_would_make_somebody_fit_and_what_is_not_said_would_match_nobody_free(
    round_input: RoundInput,
) -> None:
    result = ENGINE.solve(round_input)
    people = {one.participant_id: one for one in round_input.people}
    unmatched = {one.participant_id for one in mentees_of(round_input)} - {
        one.mentee_id for one in result.pairings
    }
    left = {
        one.participant_id: min(one.seats, round_input.free_seats.get(one.participant_id, 0))
        - sum(pairing.mentor_id == one.participant_id for pairing in result.pairings)
        for one in mentors_of(round_input)
    }
    still_free = unmatched | {mentor for mentor, seats in left.items() if seats > 0}
    for one in result.waiting:
        person = people[one.participant_id]
        before = fitting(person, round_input)
        for change, fields in CHANGES.items():
            new = fitting(replace(person, **fields), round_input) - before
            if change in one.what_helps:
                assert new
            else:
                assert not new & still_free
        if person.role is Role.MENTEE:
            assert one.mentors_in_reach == len(before)


def fitting(person: Person, round_input: RoundInput) -> set[str]:
    """Everybody on the other side who fits her, seats left aside."""
    situation = Situation({}, round_input.never_again)
    others = mentors_of(round_input) if person.role is Role.MENTEE else mentees_of(round_input)
    found = set()
    for other in others:
        mentee, mentor = (person, other) if person.role is Role.MENTEE else (other, person)
        if not any(
            rule.explain(mentee, mentor, situation)
            for rule in HARD_CONSTRAINTS
            if not isinstance(rule, FreeSeat)
        ):
            found.add(other.participant_id)
    return found


@given(rounds())
def test_the_reason_is_the_first_constraint_that_leaves_nobody(round_input: RoundInput) -> None:
    people = {one.participant_id: one for one in round_input.people}
    situation = Situation(round_input.free_seats, round_input.never_again)
    by_rule = {
        "SharedLanguage": WaitingReason.NO_ONE_SHARES_A_LANGUAGE,
        "MeetingPlace": WaitingReason.NO_ONE_IN_REACH,
        "CommonTime": WaitingReason.NO_COMMON_TIME,
        "NotKeptApart": WaitingReason.KEPT_APART_OR_BEFORE,
        "NeverBefore": WaitingReason.KEPT_APART_OR_BEFORE,
        "FreeSeat": WaitingReason.ALL_SEATS_TAKEN,
    }
    for one in ENGINE.solve(round_input).waiting:
        person = people[one.participant_id]
        left = mentors_of(round_input)
        if person.role is Role.MENTOR or not left:
            continue
        expected = None
        for rule in HARD_CONSTRAINTS:
            left = [mentor for mentor in left if not rule.explain(person, mentor, situation)]
            if not left:
                expected = by_rule[type(rule).__name__]
                break
        if expected is None:
            assert one.reason in (WaitingReason.OTHERS_WAITED_LONGER, WaitingReason.NEXT_ROUND)
        else:
            assert one.reason is expected
