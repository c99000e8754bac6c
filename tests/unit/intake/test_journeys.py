"""What intake knows of matches: the same in the end, whichever stream runs ahead of the others."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.heard import follow_message
from services.intake.domain.journeys import (
    KnownMatch,
    Wanted,
    follow_care,
    follow_check_in,
    follow_match,
    forget,
)
from shared.events.care import CheckInEscalated, HelpHandled, HelpRequested, ViewsDiverged
from shared.events.check_ins import (
    AgreementChanged,
    CheckInCompleted,
    CheckInDue,
    CheckInOverdue,
    CheckInStatus,
    ClosingReason,
    MentorshipClosed,
    MentorshipRated,
)
from shared.events.matches import (
    Factor,
    MatchAccepted,
    MatchDeclined,
    MatchEnded,
    MatchMenteeAccepted,
    MatchProposed,
    MatchQuestionAnswered,
    MatchQuestionAsked,
    MatchStatus,
    Reason,
)
from shared.events.messages import FailureReason, MessageBounced, MessageFailed, MessageKind
from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.wire import Event
from tests.unit.streams.examples import event

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
ABOUT: dict[str, Any] = {
    "programme": "p",
    "city": "461",
    "match_id": "m1",
    "mentee_id": "mentee",
    "mentor_id": "mentor",
}
GROUND: dict[str, Any] = {
    "score": 100,
    "reasons": (Reason(factor=Factor.COMMON_GROUND, points=100, shared=("chess",)),),
}
DECIDE = {"matches": follow_match, "check-ins": follow_check_in, "care": follow_care}


def match(kind: type[Any], status: MatchStatus, **more: Any) -> Any:
    return kind(**ABOUT, **GROUND, status=status, proposed_at=MONDAY, **more)


def check_in(kind: type[Any], status: CheckInStatus, **more: Any) -> Any:
    return kind(**ABOUT, number=1, status=status, day=14, due_at=MONDAY, **more)


PROPOSED = match(MatchProposed, MatchStatus.PROPOSED)
MENTEE_SAYS_YES = match(MatchMenteeAccepted, MatchStatus.MENTEE_ACCEPTED)
ACCEPTED = match(MatchAccepted, MatchStatus.ACCEPTED, accepted_at=MONDAY)
ENDED = match(MatchEnded, MatchStatus.ENDED, accepted_at=MONDAY)
DUE = check_in(CheckInDue, CheckInStatus.DUE)
OVERDUE = check_in(CheckInOverdue, CheckInStatus.OVERDUE, missing=(Role.MENTOR,))
ESCALATED = check_in(CheckInEscalated, CheckInStatus.ESCALATED, missing=(Role.MENTOR,))
COMPLETED = check_in(CheckInCompleted, CheckInStatus.COMPLETED, answered_by=tuple(Role))
AGREED = AgreementChanged(**ABOUT, every_weeks=2, until=MONDAY, affirmed_by=(Role.MENTEE,))
CLOSED = MentorshipClosed(
    **ABOUT, reason=ClosingReason.PLANNED, early=False, started_at=MONDAY, closed_at=MONDAY
)
RATED = MentorshipRated(
    **ABOUT, rated_by=Role.MENTEE, good_match=5, closer_to_goals=4, would_do_again=True
)
HELP = HelpRequested(**ABOUT, help_id="1", asked_by=Role.MENTEE, asked_at=MONDAY)
HANDLED = HelpHandled(
    **ABOUT, help_id="1", asked_by=Role.MENTEE, asked_at=MONDAY, coordinator_id="c"
)
QUESTION = match(MatchQuestionAsked, MatchStatus.PROPOSED, asked_by=Role.MENTEE, question_id="1")


def told(*payloads: Payload) -> KnownMatch:
    return after([event(payload, number) for number, payload in enumerate(payloads, 1)])


def after(events: Iterable[Event[Any]]) -> KnownMatch:
    known: KnownMatch | None = None
    for one in events:
        decision = DECIDE[one.stream.name](known, one, one.time)
        known = decision.state if decision is not None else known
    assert known is not None
    return known


STREAMS: tuple[tuple[Payload, ...], ...] = (
    (PROPOSED, MENTEE_SAYS_YES, ACCEPTED, ENDED),
    (DUE, OVERDUE, COMPLETED, AGREED, CLOSED, RATED),
    (HELP, ESCALATED, ViewsDiverged(**ABOUT, number=1), HANDLED),
)


@given(st.permutations([stream for stream, told in enumerate(STREAMS) for _ in told]))
def test_whichever_stream_runs_ahead_the_same_is_known_in_the_end(order: list[int]) -> None:
    begun = MONDAY
    streams = [
        [
            event(payload, number, time=begun + timedelta(days=number))
            for number, payload in enumerate(stream, 1)
        ]
        for stream in STREAMS
    ]
    in_turn = after([one for stream in streams for one in stream])
    queues = [iter(stream) for stream in streams]
    mixed = after([next(queues[stream]) for stream in order])
    assert mixed == in_turn


def test_a_proposal_can_be_seen_by_the_mentor_only_after_the_mentees_yes() -> None:
    assert told(PROPOSED).may_see(Role.MENTEE)
    assert not told(PROPOSED).may_see(Role.MENTOR)
    assert told(PROPOSED, MENTEE_SAYS_YES).may_see(Role.MENTOR)
    declined = match(MatchDeclined, MatchStatus.DECLINED, declined_by=Role.MENTEE)
    assert not told(PROPOSED, declined).may_see(Role.MENTOR)


def test_a_call_for_help_is_open_until_somebody_has_seen_to_it() -> None:
    known = told(ACCEPTED, HELP)
    assert [request.wanted for request in known.requests] == [Wanted.HELP]
    deputy = told(ACCEPTED, HELP, HELP.model_copy(update={"to_deputy": True}))
    assert [request.to_deputy for request in deputy.requests] == [True]
    assert told(ACCEPTED, HELP, HANDLED).requests == ()


def test_a_question_about_a_proposal_is_over_when_the_proposal_is() -> None:
    assert [each.wanted for each in told(PROPOSED, QUESTION).requests] == [Wanted.ANSWER]
    declined = match(MatchDeclined, MatchStatus.DECLINED, declined_by=Role.MENTEE)
    assert told(PROPOSED, QUESTION, declined).requests == ()
    assert told(PROPOSED, QUESTION, MENTEE_SAYS_YES).requests == ()
    assert len(told(PROPOSED, QUESTION, PROPOSED, HELP).requests) == 2


def test_a_question_about_a_proposal_is_over_when_a_coordinator_has_answered_it() -> None:
    answered = match(
        MatchQuestionAnswered,
        MatchStatus.PROPOSED,
        asked_by=Role.MENTEE,
        question_id="1",
        coordinator_id="c",
    )
    known = told(PROPOSED, QUESTION, answered)
    assert (known.requests, known.status) == ((), MatchStatus.PROPOSED)
    other = QUESTION.model_copy(update={"question_id": "2"})
    assert [each.request_id for each in told(PROPOSED, QUESTION, other, answered).requests] == ["2"]


def test_word_of_an_escalation_may_run_ahead_of_its_check_in() -> None:
    known = told(ACCEPTED, ESCALATED, DUE, OVERDUE)
    assert known.newest_check_in is not None
    assert known.newest_check_in.status is CheckInStatus.ESCALATED


def test_a_check_in_that_is_completed_stays_so_when_word_of_its_escalation_comes_late() -> None:
    known = told(ACCEPTED, DUE, OVERDUE, COMPLETED, ESCALATED)
    assert known.newest_check_in is not None
    assert known.newest_check_in.status is CheckInStatus.COMPLETED


def test_forgetting_takes_what_two_shared_and_leaves_the_course_of_their_match() -> None:
    forgotten = forget(told(ACCEPTED))
    assert forgotten is not None
    assert (forgotten.state.reasons, forgotten.state.city) == ((), None)
    assert forgotten.state.status is MatchStatus.ACCEPTED
    assert forget(forgotten.state) is None


def test_only_a_message_that_reached_nobody_is_kept() -> None:
    about: dict[str, Any] = {
        "programme": "p",
        "message_id": "x",
        "recipient_id": "mentee",
        "kind": MessageKind.WELCOME,
        "because_of": "e",
    }
    bounced = follow_message(None, event(MessageBounced(**about)), MONDAY)
    assert bounced is not None
    assert bounced.state.bounced
    given_up = MessageFailed(**about, reason=FailureReason.GAVE_UP)
    assert follow_message(None, event(given_up), MONDAY) is not None
    not_meant = MessageFailed(**about, reason=FailureReason.NO_LONGER_MEANT)
    assert follow_message(None, event(not_meant), MONDAY) is None
