"""What the two agree on, and how it was: whoever writes stands by it, and each side says it once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.followup.domain.agreement import Terms, affirm, agree
from services.followup.domain.closing import close, somebody_left, without_words
from services.followup.domain.known import KnownProgramme
from services.followup.domain.mentorship import Mentorship
from services.followup.domain.recalled import recalled
from services.followup.domain.refusals import (
    AgreedOtherwise,
    MentorshipOver,
    NothingAgreed,
    NotOverYet,
    NotYours,
    RatedOtherwise,
)
from services.followup.domain.survey import Survey, rate
from shared.decisions import Decision
from shared.events.check_ins import AgreementChanged, ClosingReason, MentorshipRated
from shared.events.participants import Role
from tests.unit.followup.builders import MENTEE, MENTOR, START, a_mentorship, an_event

TERMS = Terms("Find et job", 2, START + timedelta(days=300), START + timedelta(days=3), "da")
SURVEY = Survey(5, 4, would_do_again=True, text="Tak!")


def after(decision: Any) -> Mentorship:
    assert isinstance(decision, Decision), decision
    state = decision.state
    assert isinstance(state, Mentorship)
    return state


def agreed() -> Mentorship:
    return after(agree(a_mentorship(), MENTEE, TERMS, 0, START))


def over() -> Mentorship:
    return after(close(a_mentorship(), ClosingReason.PLANNED, START))


def test_whoever_writes_the_agreement_stands_by_it_and_the_other_affirms_it() -> None:
    written = agreed()
    assert written.agreement is not None
    assert written.agreement.affirmed_by == (Role.MENTEE,)
    both = after(affirm(written, MENTOR, 1, START))
    assert both.agreement is not None
    assert both.agreement.affirmed_by == (Role.MENTEE, Role.MENTOR)
    assert affirm(both, MENTOR, 1, START) is None


def test_a_change_asks_the_other_side_again() -> None:
    both = after(affirm(agreed(), MENTOR, 1, START))
    changed = after(agree(both, MENTOR, replace(TERMS, every_weeks=3), 1, START))
    assert changed.agreement is not None
    assert changed.agreement.affirmed_by == (Role.MENTOR,)
    assert isinstance(affirm(changed, MENTEE, 1, START), AgreedOtherwise)


def test_nobody_writes_over_what_she_has_not_seen() -> None:
    assert isinstance(agree(agreed(), MENTOR, replace(TERMS, goals="x"), 0, START), AgreedOtherwise)


def test_to_write_the_same_is_to_affirm_it() -> None:
    both = after(agree(agreed(), MENTOR, TERMS, 0, START))
    assert both.agreement is not None
    assert len(both.agreement.affirmed_by) == 2


def test_the_agreement_is_theirs_alone_and_of_a_running_mentorship() -> None:
    assert isinstance(agree(a_mentorship(), "somebody", TERMS, 0, START), NotYours)
    assert isinstance(affirm(a_mentorship(), MENTEE, 1, START), NothingAgreed)
    assert isinstance(agree(over(), MENTEE, TERMS, 0, START), MentorshipOver)


def test_their_words_are_in_no_event() -> None:
    decision = agree(a_mentorship(), MENTEE, TERMS, 0, START)
    assert isinstance(decision, Decision)
    (event,) = decision.events
    assert isinstance(event, AgreementChanged)
    assert "Find et job" not in event.model_dump_json()
    rated = rate(over(), MENTEE, SURVEY, START)
    assert isinstance(rated, Decision)
    (event,) = rated.events
    assert isinstance(event, MentorshipRated)
    assert "Tak!" not in event.model_dump_json()


def test_each_side_says_once_and_only_at_the_end_how_it_was() -> None:
    assert isinstance(rate(a_mentorship(), MENTEE, SURVEY, START), NotOverYet)
    rated = after(rate(over(), MENTEE, SURVEY, START))
    assert rate(rated, MENTEE, SURVEY, START) is None
    assert isinstance(rate(rated, MENTEE, replace(SURVEY, good_match=1), START), RatedOtherwise)
    assert after(rate(rated, MENTOR, SURVEY, START)).mentor_survey == SURVEY


def test_forgetting_takes_the_words_of_agreement_and_surveys() -> None:
    closed = after(close(agreed(), ClosingReason.PLANNED, START))
    said = after(rate(closed, MENTEE, SURVEY, START))
    assert said.has_words
    bare = without_words(said)
    assert not bare.has_words
    assert bare.agreement is not None
    assert bare.agreement.terms.every_weeks == TERMS.every_weeks
    assert bare.mentee_survey is not None
    assert bare.mentee_survey.good_match == SURVEY.good_match


def test_who_is_forgotten_cannot_leave_words_again() -> None:
    gone = after(somebody_left(agreed(), MENTEE, START, erased=True))
    assert isinstance(rate(gone, MENTEE, SURVEY, START), NotYours)


def test_after_a_restore_what_was_agreed_and_rated_comes_back_without_the_words() -> None:
    written = agree(a_mentorship(), MENTEE, TERMS, 0, START)
    rated = rate(after(close(agreed(), ClosingReason.PLANNED, START)), MENTEE, SURVEY, START)
    assert isinstance(written, Decision)
    assert isinstance(rated, Decision)
    told = [an_event(payload, START) for payload in (*written.events, *rated.events)]
    programme = KnownProgramme(a_mentorship().terms, "Europe/Copenhagen")
    again = recalled(a_mentorship(), told, programme)
    assert again is not None
    assert again.agreement is not None
    assert again.agreement.terms == replace(TERMS, goals="", language="")
    assert again.agreement.affirmed_by == (Role.MENTEE,)
    assert again.mentee_survey == replace(SURVEY, text="")
    assert recalled(again, told, programme) == again
    kept = recalled(agreed(), told, programme)
    assert kept is not None
    assert kept.agreement == agreed().agreement, "what the backup has is not lost"
