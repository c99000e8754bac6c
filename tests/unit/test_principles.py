"""The six principles, one test each by its name, from people's words to what they are told.

Each ties together what `docs/values.md` says of it; the many properties behind them are in
`tests/unit/matching/test_values.py`, and what pages do in the pages' own tests.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.domain.participant import contact_state, public_state, words_of
from services.intake.domain.profile import Registration
from services.intake.domain.record import read_record
from services.intake.domain.tables import load_tables
from services.matching.domain.people import KnownPerson
from services.notifications.domain.asks import asks
from services.notifications.letters.letter import Bullets, Button
from services.notifications.letters.written import write, write_letter
from shared.events.matches import Factor, MatchMenteeAccepted, Reason
from shared.events.messages import MessageKind
from shared.events.participants import ParticipantRegistered, Role
from shared.events.pool import WaitingReason, WhatHelps
from shared.web.languages import LOCALES
from shared.web.plain_words import labels_in
from tests.unit.intake.records import IN_FORCE, a_record
from tests.unit.intake.someone import Somebody, registered
from tests.unit.notifications import builders as a
from tests.unit.notifications.test_letters import texts_of

TABLES = load_tables()
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300)


def read(**changes: str) -> Registration:
    registration = read_record(a_record(**changes), TABLES, IN_FORCE)
    assert isinstance(registration, Registration), registration
    return registration


def test_1_the_mentees_needs_come_first() -> None:
    """Nobody on the mentor's side is told anything of a match before the mentee's yes."""
    before_her_yes = (a.held(), a.proposed(), a.reminder(Role.MENTEE), a.declined(Role.MENTEE))
    for payload in before_her_yes:
        assert a.MENTOR not in {ask.recipient for ask in asks(a.event(payload))}
    (asked,) = asks(a.event(a.mentee_accepted()))
    assert asked.recipient == a.MENTOR
    assert asked.kind is MessageKind.PROPOSAL_TO_MENTOR
    asking = {
        type(event.payload)
        for event in a.every_event()
        for ask in asks(event)
        if ask.kind is MessageKind.PROPOSAL_TO_MENTOR
    }
    assert asking == {MatchMenteeAccepted}


@given(story=WORDS, goals=WORDS, request=WORDS)
def test_2_she_tells_her_own_story(story: str, goals: str, request: str) -> None:
    """Her words are kept byte for byte, and no event and no message has a place for them."""
    words = {"story": f"S<{story}>", "goals": f"G<{goals}>", "request": f"R<{request}>"}
    registration = read(**words)
    kept = words_of(registration)
    assert (kept.story, kept.goals, kept.request) == tuple(words.values())
    decision = registered(Somebody(registration))
    person = decision.state.person
    assert person is not None
    assert person.words == kept
    told = repr((public_state(decision.state, person), contact_state(decision.state, person)))
    for said in (*words.values(), *map(repr, words.values())):
        assert said not in told


@pytest.mark.parametrize("charter", ["", "2019-1"])
def test_3_values_come_first_no_charter_no_registration(charter: str) -> None:
    """Who has not affirmed the charter in force is asked to, by a sentence that says so."""
    problems = read_record(a_record(charter=charter), TABLES, IN_FORCE)
    assert not isinstance(problems, Registration)
    (problem,) = problems
    assert "charter" in problem.reason.lower()
    assert next(iter(IN_FORCE)) in problem.reason
    assert read().charter_version in IN_FORCE


@pytest.mark.parametrize("locale", LOCALES)
def test_4_the_positive_and_the_future(locale: str) -> None:
    """Whoever waits gets an honest reason and a next step; no message labels anybody or blames her."""
    for reason in WaitingReason:
        note = a.a_message(a.still_waiting(reason=reason, what_helps=tuple(WhatHelps)))
        letter, _ = write_letter(note, a.addressed(locale=locale), a.LETTERHEAD)
        helps = [block for block in letter.blocks if isinstance(block, Bullets)]
        assert len(helps[0].lines) == len(WhatHelps)
        assert any(isinstance(block, Button) for block in letter.blocks)
    for event in a.every_event():
        for message in a.messages_for(event):
            letter, _ = write_letter(message, a.addressed(locale=locale), a.LETTERHEAD)
            assert [
                labels_in(text, locale) for text in texts_of(letter) if labels_in(text, locale)
            ] == []


@pytest.mark.parametrize(
    "category",
    ["ethnicity", "nationality", "country_of_birth", "religion", "health", "orientation",
     "politics", "residence_status", "photo", "age", "name"],
)  # fmt: skip
def test_5_nobody_is_made_the_other(category: str) -> None:
    """What would set people apart is no input: it is refused where written, and nowhere to be kept."""
    fields: dict[str, Any] = {
        "programme": "kvinfo",
        "participant_id": "p1",
        "role": "mentee",
        "status": "active",
        "registered_at": a.NOON,
    }
    ParticipantRegistered.model_validate(fields, strict=False)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ParticipantRegistered.model_validate({**fields, category: "x"}, strict=False)
    assert category not in KnownPerson.__dataclass_fields__


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("asked", [a.proposed, a.mentee_accepted])
def test_6_what_they_have_in_common_opens_the_proposal(asked: Any, locale: str) -> None:
    """Before anything else a proposal says what the two share, and never how many points it gave."""
    shared = Reason(factor=Factor.COMMON_GROUND, points=437, shared=("baking",))
    message = a.a_message(asked(reasons=(shared,), score=437))
    letter, _ = write_letter(message, a.addressed(locale=locale), a.LETTERHEAD)
    opening, ground = letter.blocks[:2]
    assert isinstance(ground, Bullets)
    assert not isinstance(opening, Bullets | Button)
    assert any(line.plain for line in ground.lines)
    without = a.a_message(asked(reasons=(), score=0))
    other, _ = write_letter(without, a.addressed(locale=locale), a.LETTERHEAD)
    assert other.blocks[1] != ground
    assert b"437" not in write(message, a.addressed(locale="en"), a.LETTERHEAD).content
