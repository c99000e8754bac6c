"""What the rescue made stays until it is answered: a top-up takes none of it back."""

from dataclasses import replace
from typing import Any

import pytest

from services.matching.domain import people, programmes
from services.matching.domain.match import Match
from services.matching.ground import Ground
from shared.events.participants import Role
from shared.events.programmes import BetweenRounds
from tests.unit.matching.builders import (
    START,
    a_match,
    a_pairing,
    a_participant,
    a_programme,
    event_of,
    then,
)


def known_programme(**policy: Any) -> Any:
    changed = event_of(a_programme(between_rounds=BetweenRounds.AT_ONCE, **policy))
    return then(programmes.hear_of_programme(None, changed, START))


def ground_with(match: Match) -> Ground:
    known = {
        name: then(people.hear_of_participant(None, event_of(a_participant(name, role))))
        for name, role in ((match.mentee_id, Role.MENTEE), (match.mentor_id, Role.MENTOR))
    }
    return Ground.of_top_up(known, [match], known_programme(), "network.top-up")


def test_a_top_up_may_displace_what_nobody_was_asked_but_not_what_the_rescue_made() -> None:
    match = a_match()
    assert ground_with(match).displaceable == [match]
    assert ground_with(replace(match, by_rescue=True)).displaceable == []


@pytest.mark.parametrize("by_rescue", [False, True])
def test_a_match_remembers_whether_the_rescue_made_it(by_rescue: bool) -> None:
    pairing = replace(a_pairing(), by_rescue=by_rescue)
    made = Match.of(
        pairing,
        match_id="match",
        programme="network",
        city=None,
        seat=1,
        round_id="round",
        rules=a_match().rules,
    )
    assert made.by_rescue is by_rescue


@pytest.mark.parametrize("rescue", ["off", "minimal"])
def test_a_round_does_as_the_programme_says(rescue: str) -> None:
    ground = Ground.of_round({}, [])
    assert ground.input_of(known_programme(rescue=rescue), 1, START).rescue == rescue
