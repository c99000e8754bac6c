"""The six principles of the network, each where a test can see it. See docs/values.md."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.domain.participant import Origin
from services.intake.domain.record import read_record
from services.intake.domain.tables import load_tables
from services.matching import views
from services.matching.domain import life
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.match import Match
from services.matching.domain.person import Person
from services.matching.domain.round import RoundInput, RoundResult
from shared.decisions import Decision
from shared.events.contacts import ContactState
from shared.events.matches import MatchMenteeAccepted, TakeBackReason
from shared.events.participants import ParticipantRegistered, ParticipantState, Role
from shared.events.payload import Payload
from tests.unit.intake.records import IN_FORCE, a_record
from tests.unit.intake.someone import MONDAY, Somebody, registered
from tests.unit.matching.builders import START, a_match
from tests.unit.matching.engine_builders import mentees_of, round_of, rounds

ENGINE = ColumnarEngine()
TABLES = load_tables()

SPECIAL_CATEGORIES = (
    "ethnicity",
    "race",
    "nationality",
    "citizenship",
    "country_of_birth",
    "birthplace",
    "religion",
    "belief",
    "health",
    "disability",
    "orientation",
    "sexuality",
    "gender",
    "politics",
    "union",
    "residence",
    "asylum",
    "permit",
    "photo",
    "picture",
    "age",
    "birthday",
    "birth_date",
    "date_of_birth",
)


# 1. The mentee's needs come first ------------------------------------------------------------------


def side_asked(decision: object) -> Iterator[Role]:
    events = decision.events if isinstance(decision, Decision) else ()
    for event in events:
        if isinstance(event, MatchMenteeAccepted):
            yield Role.MENTOR


ACTIONS = ("approve", "mentee yes", "mentee no", "mentor yes", "mentor no", "heard mentee",
           "heard mentor", "remind", "expire", "withdraw", "end")  # fmt: skip


@given(st.booleans(), st.lists(st.sampled_from(ACTIONS), max_size=8))
def test_a_mentor_is_never_asked_before_the_mentees_yes(
    is_reviewed: bool, actions: list[str]
) -> None:
    made = life.make(a_match(), START, review=is_reviewed)
    match = made.state
    assert not list(side_asked(made))
    for number, action in enumerate(actions):
        now = START + timedelta(days=number)
        decision = act(match, action, now)
        if list(side_asked(decision)):
            assert action == "mentee yes"
        match = decision.state if isinstance(decision, Decision) else match
        has_said_yes = match.mentee_said is True
        assert has_said_yes or match.whose_turn is not Role.MENTOR
        assert has_said_yes or Role.MENTOR not in match.heard
        assert has_said_yes or match.mentor_said is None
        assert has_said_yes or views.may_see(match, match.mentor_id) is None


def act(match: Match, action: str, now: Any) -> object:
    first, _, rest = action.partition(" ")
    if first in ("mentee", "mentor"):
        return life.answer(match, Role(first), now, says_yes=rest == "yes")
    if first == "heard":
        return life.asked(match, Role(rest), now)
    by_name: Mapping[str, Any] = {
        "approve": lambda: life.approve(match, "coordinator", now),
        "remind": lambda: life.remind(match, now),
        "expire": lambda: life.expire(match, now, 1),
        "withdraw": lambda: life.take_back(match, "coordinator", TakeBackReason.OTHER),
        "end": lambda: life.end(match),
    }
    return by_name[first]()


@given(rounds())
def test_no_mentee_would_do_better_by_waiting_for_a_mentor_who_would_have_her(
    round_input: RoundInput,
) -> None:
    assert ENGINE.solve(round_input).certificate.blocking_pairs == 0


# 2. Let her tell her own story, and 5. no othering --------------------------------------------------


@given(
    name=st.text(max_size=30),
    story=st.text(max_size=200),
    goals=st.text(max_size=60),
    request=st.sampled_from(("", "I need a job in IT", "Jeg vil gerne lære dansk", "مساعدة")),
    phone=st.sampled_from(("", "+4532123456", "+380441234567", "no phone")),
    email=st.sampled_from(("a@example.org", "zofia.nowak@example.com")),
    locale=st.sampled_from(("en", "da", "ar", "uk")),
)
def test_name_contacts_locale_story_and_own_words_change_nothing_that_matching_sees(
    name: str, story: str, goals: str, request: str, phone: str, email: str, locale: str
) -> None:
    words = {"name": name, "story": story, "goals": goals, "request": request}
    contact = {"phone": phone, "email": email, "locale": locale}
    assert seen_by_matching(**words, **contact) == seen_by_matching()


def test_a_wish_in_her_own_words_counts_by_the_kinds_of_help_she_ticks_only() -> None:
    asks_in_words = seen_by_matching(request="confidence, job search, start a business")
    assert asks_in_words == seen_by_matching(request="")
    assert seen_by_matching(wants_or_offers="confidence") != seen_by_matching()


def test_her_story_goes_nowhere_but_into_intakes_own_words() -> None:
    secret = "this is my story"
    assert secret not in repr(seen_by_matching(story=secret, goals=secret, request=secret))
    private = {"name", "email", "phone", "locale", "story", "goals", "request", "channel"}
    assert private.isdisjoint(ParticipantState.model_fields)
    assert private.isdisjoint(Person.__dataclass_fields__)


def seen_by_matching(**changes: str) -> Person:
    """What matching sees of a record, all the way from the spreadsheet to the round."""
    registration = read_record(a_record(**changes), TABLES, IN_FORCE)
    assert not isinstance(registration, tuple), registration
    events = registered(Somebody(registration), origin=Origin.IMPORT).events
    (state,) = (event for event in events if isinstance(event, ParticipantRegistered))
    return Person.of(state)


@given(rounds(), st.randoms(use_true_random=False))
def test_the_order_in_which_people_came_into_the_records_changes_no_match(
    round_input: RoundInput, random: Any
) -> None:
    people = list(round_input.people)
    random.shuffle(people)
    shuffled = round_of(
        people,
        free_seats=dict(round_input.free_seats),
        never_again=round_input.never_again,
        weights=round_input.weights,
        seed=round_input.seed,
    )
    assert matched(ENGINE.solve(shuffled)) == matched(ENGINE.solve(round_input))
    assert len(mentees_of(shuffled)) == len(mentees_of(round_input))


def matched(result: RoundResult) -> list[tuple[str, str, int]]:
    return [(one.mentee_id, one.mentor_id, one.score) for one in result.pairings]


@pytest.mark.parametrize("field", SPECIAL_CATEGORIES)
def test_a_special_category_can_be_expressed_nowhere(field: str) -> None:
    for payload in Payload.all():
        for name in fields_of(payload.model_json_schema()):
            assert field not in name.split("_"), f"{payload.wire_name} has {name}"
            assert field != name
    with pytest.raises(ValidationError):
        ParticipantRegistered.model_validate(
            {
                "programme": "network",
                "participant_id": "p1",
                "role": Role.MENTEE,
                "status": "active",
                "registered_at": MONDAY,
                field: "x",
            },
            strict=False,
        )
    assert field not in Person.__dataclass_fields__


def fields_of(schema: Any) -> Iterator[str]:
    """The names of all fields, of the parts too."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from fields_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from fields_of(value)


def test_names_and_addresses_are_in_contacts_alone() -> None:
    private = {"email", "phone", "story", "goals", "request", "first_name", "last_name"}
    for payload in Payload.all():
        if not issubclass(payload, ContactState):
            assert private.isdisjoint(fields_of(payload.model_json_schema())), payload.wire_name


# 6. What they have in common ------------------------------------------------------------------------


@given(rounds())
def test_the_reasons_of_every_match_add_up_to_its_score(round_input: RoundInput) -> None:
    for pairing in ENGINE.solve(round_input).pairings:
        assert pairing.score == sum(reason.points for reason in pairing.reasons)
