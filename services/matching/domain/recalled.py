"""A match taken back from its own events, after the database came back from an older backup. Pure.

Every event carries the match's whole public state. What no event tells is lost: of a match that the
backup does not have, whether a rescue had made it, and which top-up took it back; and the words of
questions.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.matching.domain.match import AnswerRules, Match, Question
from shared.events.matches import (
    MatchAccepted,
    MatchDeclined,
    MatchEnded,
    MatchExpired,
    MatchMenteeAccepted,
    MatchQuestionAnswered,
    MatchQuestionAsked,
    MatchReminderDue,
    MatchState,
    MatchWithdrawn,
)
from shared.events.participants import Role
from shared.events.wire import Event


def recalled(
    kept: Match | None, events: Sequence[Event[Any]], seat: int, rules: AnswerRules
) -> Match:
    """The match after these events of its own, in their order; there is at least one.

    seat, rules: for a match that the backup does not have.
    """
    match = kept or _bare(events[0].payload, seat, rules)
    for event in events:
        match = _after(match, event.payload, event.time)
    return match


def _bare(told: MatchState, seat: int, rules: AnswerRules) -> Match:
    return Match(
        match_id=told.match_id,
        programme=told.programme,
        city=told.city,
        mentee_id=told.mentee_id,
        mentor_id=told.mentor_id,
        seat=seat,
        round_id=told.round_id or "",
        score=told.score,
        reasons=told.reasons,
        languages=told.languages,
        times=told.times,
        online=told.online,
        rules=rules,
        status=told.status,
    )


def _after(match: Match, told: MatchState, at: datetime) -> Match:
    match = replace(
        match,
        status=told.status,
        proposed_at=told.proposed_at,
        asked_at=told.asked_at,
        answer_by=told.answer_by,
        accepted_at=told.accepted_at,
    )
    side = match.whose_turn
    if side is not None and told.asked_at is not None and side not in match.heard:
        match = replace(match, heard=(*match.heard, side))
    match told:
        case MatchQuestionAsked() if any(
            each.question_id == told.question_id for each in match.questions
        ):
            return match
        case MatchQuestionAsked():
            asked = Question(told.question_id, told.asked_by, at, text="")
            return replace(match, questions=(*match.questions, asked))
        case MatchQuestionAnswered():
            return replace(
                match,
                questions=tuple(
                    replace(each, answered_by=told.coordinator_id, answered_at=at)
                    if each.question_id == told.question_id
                    else each
                    for each in match.questions
                ),
            )
        case MatchReminderDue():
            return replace(match, reminded=True)
        case MatchMenteeAccepted():
            return replace(match, mentee_said=True, reminded=False)
        case MatchAccepted():
            return replace(match, mentor_said=True, reminded=False)
        case MatchDeclined() if told.declined_by is Role.MENTEE:
            return replace(match, mentee_said=False, open=False, never_again=True)
        case MatchDeclined():
            return replace(match, mentor_said=False, open=False, never_again=True)
        case MatchExpired():
            return replace(match, open=False, never_again=False)
        case MatchWithdrawn():
            by_coordinator = told.coordinators_reason is not None
            return replace(match, open=False, never_again=by_coordinator)
        case MatchEnded():
            return replace(match, open=False, never_again=True)
    return match
