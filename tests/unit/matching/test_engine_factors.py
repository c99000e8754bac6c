"""The soft score, factor by factor."""

import pytest
from hypothesis import given

from services.matching.domain.factors import FACTORS, LanguageComfort
from services.matching.domain.person import Person
from services.matching.domain.reasons import pairing_of, reasons_for
from services.matching.domain.round import RoundInput
from shared.events.matches import Factor
from shared.events.participants import KindOfHelp, ParticipantRegistered, ParticipantStatus, Role
from shared.events.programmes import ScoreWeights
from tests.unit.matching.engine_builders import (
    NOW,
    WEIGHTS,
    Builder,
    a_mentee,
    a_mentor,
    mentees_of,
    mentors_of,
    rounds,
)


def reason(factor: Factor, mentee: Builder, mentor: Builder) -> tuple[int, tuple[str, ...]]:
    for one in reasons_for(mentee.person, mentor.person, WEIGHTS):
        if one.factor is factor:
            return one.points, one.shared
    return 0, ()


def test_every_factor_of_the_contract_has_one_rule_and_one_weight() -> None:
    assert [rule.factor for rule in FACTORS] == list(Factor)
    assert set(ScoreWeights.model_fields) == {factor.value for factor in Factor}


def test_help_counts_by_the_share_of_what_the_mentee_asks_for() -> None:
    asking = a_mentee().with_help(
        KindOfHelp.JOB_SEARCH, KindOfHelp.CONFIDENCE, KindOfHelp.EDUCATION_PATH
    )
    offering = a_mentor().with_help(KindOfHelp.JOB_SEARCH, KindOfHelp.START_A_BUSINESS)
    assert reason(Factor.KINDS_OF_HELP, asking, offering) == (100, ("job_search",))
    assert reason(Factor.KINDS_OF_HELP, a_mentee(), offering) == (0, ())


@pytest.mark.parametrize(
    ("mentors", "expected"),
    [
        ("2512", (220, ("2512",))),
        ("2519", (154, ("251",))),
        ("2521", (88, ("25",))),
        ("2111", (33, ("2",))),
        ("5111", (0, ())),
        ("25", (88, ("25",))),
    ],
)
def test_professions_count_by_the_smallest_isco_group_that_holds_both(
    mentors: str, expected: tuple[int, tuple[str, ...]]
) -> None:
    found = reason(Factor.PROFESSION, a_mentee().working_as("2512"), a_mentor().working_as(mentors))
    assert found == expected


def test_a_wished_profession_is_compared_with_what_the_mentor_does() -> None:
    mentee = a_mentee().working_as("9112").wishing_for("2221")
    nurse = a_mentor().working_as("2221").wishing_for("9112")
    assert reason(Factor.WISHED_PROFESSION, mentee, nurse) == (110, ("2221",))
    assert reason(Factor.PROFESSION, mentee, nurse) == (0, ())


@pytest.mark.parametrize(
    ("level", "field", "expected"),
    [
        (6, "06", (100, ("06", "6"))),
        (5, "06", (85, ("06",))),
        (8, "01", (10, ())),
        (3, "01", (0, ())),
        (None, None, (0, ())),
        (None, "06", (60, ("06",))),
    ],
)
def test_education_counts_by_field_and_by_how_far_levels_are_apart(
    level: int | None, field: str | None, expected: tuple[int, tuple[str, ...]]
) -> None:
    mentee, mentor = a_mentee().educated(6, "06"), a_mentor().educated(level, field)
    assert reason(Factor.EDUCATION, mentee, mentor) == expected


def test_two_without_any_education_named_share_none() -> None:
    assert reason(Factor.EDUCATION, a_mentee(), a_mentor()) == (0, ())


@pytest.mark.parametrize(("shared", "points"), [(0, 0), (1, 40), (3, 120), (4, 160), (6, 160)])
def test_common_ground_grows_with_each_item_until_four(shared: int, points: int) -> None:
    items = tuple(f"interest-{number}" for number in range(6))
    mentee, mentor = a_mentee().liking(*items), a_mentor().liking(*items[:shared])
    assert reason(Factor.COMMON_GROUND, mentee, mentor) == (
        points,
        items[:shared] if points else (),
    )


def test_an_interest_and_a_topic_of_the_same_name_are_two_things() -> None:
    mentee = a_mentee().liking("family").having(topics=())
    mentor = a_mentor().having(topics=("family",))
    assert reason(Factor.COMMON_GROUND, mentee, mentor) == (0, ())


@pytest.mark.parametrize(
    ("mentee", "mentor", "expected"),
    [
        (("ar", "da"), ("ar",), (1000, ("ar",))),
        (("ar", "da"), ("da", "en"), (750, ("da",))),
        (("ar", "da"), ("en", "da", "ar"), (500, ("ar",))),
        (("ar", "uk", "da"), ("en", "da"), (250, ("da",))),
        (("a", "b", "c", "d", "e", "f"), ("f",), (100, ("f",))),
    ],
)
def test_language_comfort_falls_with_the_rank_of_the_best_shared_language(
    mentee: tuple[str, ...], mentor: tuple[str, ...], expected: tuple[int, tuple[str, ...]]
) -> None:
    hers, theirs = a_mentee().speaking(*mentee), a_mentor().speaking(*mentor)
    assert LanguageComfort().points(1000, hers.person, theirs.person) == expected


def test_the_same_city_has_its_points_and_meeting_online_has_none() -> None:
    assert reason(Factor.SAME_CITY, a_mentee(), a_mentor()) == (50, ("461",))
    assert reason(Factor.SAME_CITY, a_mentee().online(), a_mentor().online().in_("101")) == (0, ())


def test_a_proposal_opens_with_what_the_two_have_in_common() -> None:
    mentee = a_mentee().working_as("2512").liking("films")
    mentor = a_mentor().working_as("2512").liking("films")
    pairing = pairing_of(mentee.person, mentor.person, WEIGHTS)
    assert [one.factor for one in pairing.reasons] == [
        Factor.COMMON_GROUND,
        Factor.PROFESSION,
        Factor.LANGUAGE_COMFORT,
        Factor.SAME_CITY,
    ]
    assert pairing.score == 40 + 220 + 60 + 50


@given(rounds(most=3))
def test_reasons_add_up_to_the_score_and_only_name_what_gave_points(
    round_input: RoundInput,
) -> None:
    for mentee in mentees_of(round_input):
        for mentor in mentors_of(round_input):
            pairing = pairing_of(mentee, mentor, round_input.weights)
            assert pairing.score == sum(one.points for one in pairing.reasons) <= 1000
            assert all(one.points > 0 for one in pairing.reasons)


def test_what_matching_sees_of_a_participant_is_her_profile_and_nothing_else() -> None:
    state = ParticipantRegistered(
        programme="kvinfo",
        city="461",
        participant_id="amal",
        role=Role.MENTEE,
        status=ParticipantStatus.ACTIVE,
        registered_at=NOW,
        languages=("ar",),
    )
    person = Person.of(state)
    assert (person.participant_id, person.city, person.languages) == ("amal", "461", ("ar",))
    assert person.available_since == NOW
    assert set(Person.__slots__) <= set(ParticipantRegistered.model_fields)
    private = {"name", "email", "phone", "locale", "story", "programme", "time_zone"}
    assert not private & set(Person.__slots__)
