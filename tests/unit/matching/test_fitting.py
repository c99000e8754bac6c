"""Proposals that wait for answers hold only as long as their two fit."""

from typing import Any

import pytest

from services.matching.domain.fitting import no_longer_hold
from services.matching.domain.match import Match
from services.matching.domain.people import KnownPerson
from shared.events.matches import WithdrawReason
from shared.events.participants import ParticipantStatus, Role, TimeOfWeek
from tests.unit.matching.builders import a_person, accepted, asked, proposed, said_yes


def known(
    participant_id: str,
    role: Role,
    status: ParticipantStatus = ParticipantStatus.ACTIVE,
    **fields: Any,
) -> KnownPerson:
    person = a_person(participant_id, role, **fields)
    return KnownPerson(participant_id, "network", status, person)


def fallen(
    *matches: Match, mentee: KnownPerson | None = None, mentor: KnownPerson | None = None
) -> dict[str, WithdrawReason]:
    people = {match.mentee_id: known(match.mentee_id, Role.MENTEE) for match in matches}
    people |= {match.mentor_id: known(match.mentor_id, Role.MENTOR) for match in matches}
    people |= {one.participant_id: one for one in (mentee, mentor) if one is not None}
    return no_longer_hold(matches, people)


def test_a_proposal_whose_two_have_not_changed_holds() -> None:
    assert fallen(proposed()) == {}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (ParticipantStatus.WITHDRAWN, WithdrawReason.SOMEONE_LEFT),
        (ParticipantStatus.ERASED, WithdrawReason.SOMEONE_LEFT),
        (ParticipantStatus.PAUSED, WithdrawReason.SOMEONE_PAUSED),
    ],
)
@pytest.mark.parametrize("side", Role)
def test_a_proposal_falls_when_either_side_goes(
    side: Role, status: ParticipantStatus, reason: WithdrawReason
) -> None:
    match = said_yes(asked(proposed()), Role.MENTEE)
    gone = known(match.person(side), side, status)
    assert fallen(match, **{side.value: gone}) == {"match": reason}


@pytest.mark.parametrize(
    "change",
    [
        {"languages": ("ar",)},
        {"city": "101"},
        {"availability": (TimeOfWeek.SAT_MORNING,)},
        {"apart_from": ("birgit",)},
    ],
)
def test_a_proposal_falls_when_a_hard_constraint_breaks(change: dict[str, Any]) -> None:
    assert fallen(proposed(), mentee=known("amal", Role.MENTEE, **change)) == {
        "match": WithdrawReason.NO_LONGER_FITS
    }


def test_what_both_have_accepted_goes_on_whatever_changes() -> None:
    moved = known("amal", Role.MENTEE, ParticipantStatus.PAUSED, city="101")
    assert fallen(accepted(), mentee=moved) == {}


def test_fewer_seats_take_back_what_is_least_settled() -> None:
    matches = [
        accepted("a", mentee_id="1"),
        said_yes(asked(proposed("b", mentee_id="2", score=1)), Role.MENTEE),
        proposed("c", mentee_id="3", score=9),
        proposed("d", mentee_id="4", score=5),
    ]
    for seats, expected in ((4, ""), (3, "d"), (2, "cd"), (1, "bcd"), (0, "bcd")):
        birgit = known("birgit", Role.MENTOR, seats=seats)
        assert "".join(sorted(fallen(*matches, mentor=birgit))) == expected
