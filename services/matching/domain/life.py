"""The life of a match, from proposal to end. Pure.

`held` → `proposed` → `mentee_accepted` → `accepted` → `ended`; until both have said yes it may also
be `declined`, `expired` or `withdrawn`, each of which frees both sides at once. The mentee is asked
first, and the mentor only after her yes. The answer time runs from the moment the message that asks
was sent, so nobody's time runs out while mail is down.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.matching.domain.match import DISPLACEABLE, UNANSWERED, Match, Question
from services.matching.domain.refusals import (
    AlreadyAnswered,
    AlreadyDecided,
    CoordinatorHasAll,
    NoLongerOpen,
    NotYetYourTurn,
    QuestionUnknown,
    TooLate,
)
from shared.decisions import Decision, Refusal
from shared.events.matches import (
    DeclineReason,
    MatchAccepted,
    MatchApproved,
    MatchDeclined,
    MatchEnded,
    MatchExpired,
    MatchHeld,
    MatchMenteeAccepted,
    MatchProposed,
    MatchQuestionAnswered,
    MatchQuestionAsked,
    MatchReminderDue,
    MatchStatus,
    MatchWithdrawn,
    TakeBackReason,
    WithdrawReason,
)
from shared.events.participants import Role

MOST_QUESTIONS: Final = 5
"""Of one side about one proposal; the coordinator gets in touch after the first."""


def make(match: Match, now: datetime, *, review: bool) -> Decision[Match]:
    """A new match begins: held for a coordinator where the policy asks for review, else proposed."""
    if review:
        held = replace(match, status=MatchStatus.HELD)
        return Decision(held, (held.event(MatchHeld),))
    return _propose(match, now)


def approve(match: Match, coordinator_id: str, now: datetime) -> Decision[Match] | Refusal | None:
    """A coordinator lets a held match go out. Approving it again changes nothing."""
    if match.status is not MatchStatus.HELD:
        if match.proposed_at is not None and match.open:
            return None
        return AlreadyDecided()
    approved = replace(match, status=MatchStatus.APPROVED)
    proposed = _propose(approved, now)
    event = approved.event(MatchApproved, coordinator_id=coordinator_id)
    return Decision(proposed.state, (event, *proposed.events))


def asked(match: Match, side: Role, sent_at: datetime) -> Decision[Match] | None:
    """The message that asks this side was sent: from now on her answer time runs."""
    if match.whose_turn is not side or match.asked_at is not None:
        return None
    return Decision(
        replace(
            match,
            asked_at=sent_at,
            answer_by=sent_at + timedelta(days=match.rules.answer_days(side)),
            heard=(*match.heard, side),
        )
    )


def not_reached(match: Match, side: Role) -> Decision[Match] | None:
    """The message that asks this side did not get through: the other one is not kept waiting."""
    if match.whose_turn is not side:
        return None
    return _withdraw(match, WithdrawReason.NOT_REACHED)


def answer(
    match: Match,
    side: Role,
    now: datetime,
    *,
    says_yes: bool,
    reason: DeclineReason = DeclineReason.NOT_SAID,
) -> Decision[Match] | Refusal | None:
    """What an answer does to a match. Answering twice alike changes nothing.

    An answer at `answer_by` or later is too late, whether or not the timer has come by already.
    """
    said = match.said(side)
    if said is not None:
        return None if said is says_yes else AlreadyAnswered()
    if match.status is MatchStatus.EXPIRED or (
        match.answer_by is not None and now >= match.answer_by
    ):
        return TooLate()
    if not match.open:
        return NoLongerOpen()
    if match.whose_turn is not side:
        return NotYetYourTurn()
    answered = _with_answer(match, side, says_yes=says_yes)
    if not says_yes:
        declined = _close(answered, MatchStatus.DECLINED, never_again=True)
        return Decision(declined, (declined.event(MatchDeclined, declined_by=side, reason=reason),))
    if side is Role.MENTEE:
        willing = replace(answered, status=MatchStatus.MENTEE_ACCEPTED)
        return Decision(willing, (willing.event(MatchMenteeAccepted),))
    accepted = replace(answered, status=MatchStatus.ACCEPTED, accepted_at=now)
    return Decision(accepted, (accepted.event(MatchAccepted),))


def ask_question(
    match: Match, side: Role, text: str, now: datetime
) -> Decision[Match] | Refusal | None:
    """Whoever is asked would like to know more first. Her answer time goes on; the coordinator hears.

    The same words again change nothing.
    """
    if match.whose_turn is not side:
        return (
            NoLongerOpen() if match.said(side) is not None or not match.open else NotYetYourTurn()
        )
    if match.answer_by is not None and now >= match.answer_by:
        return TooLate()
    hers = [question for question in match.questions if question.asked_by is side]
    if any(question.text == text for question in hers):
        return None
    if len(hers) >= MOST_QUESTIONS:
        return CoordinatorHasAll()
    question = Question(str(len(match.questions) + 1), side, now, text)
    asking = replace(match, questions=(*match.questions, question))
    event = asking.event(MatchQuestionAsked, asked_by=side, question_id=question.question_id)
    return Decision(asking, (event,))


def answer_question(
    match: Match, question_id: str, coordinator_id: str, now: datetime
) -> Decision[Match] | Refusal | None:
    """A coordinator has come back to her. The first one counts; it may be said of an old proposal too."""
    asked = next((each for each in match.questions if each.question_id == question_id), None)
    if asked is None:
        return QuestionUnknown()
    if not asked.is_open:
        return None
    answered = replace(asked, answered_by=coordinator_id, answered_at=now)
    after = replace(
        match, questions=tuple(answered if each is asked else each for each in match.questions)
    )
    event = after.event(
        MatchQuestionAnswered,
        asked_by=asked.asked_by,
        question_id=question_id,
        coordinator_id=coordinator_id,
    )
    return Decision(after, (event,))


def remind(match: Match, now: datetime) -> Decision[Match] | None:
    """Reminds whoever is to answer, once. After the answer time nobody is reminded any more."""
    side, remind_at = match.whose_turn, match.remind_at
    if side is None or remind_at is None or now < remind_at or is_over(match, now):
        return None
    reminded = replace(match, reminded=True)
    return Decision(reminded, (reminded.event(MatchReminderDue, remind=side),))


def is_over(match: Match, now: datetime) -> bool:
    """Whether the answer time of an open proposal is over, so that it is to expire."""
    return match.whose_turn is not None and match.answer_by is not None and now >= match.answer_by


def expire(match: Match, now: datetime, unanswered_in_a_row: int) -> Decision[Match] | None:
    """The answer time is over. The count is of the silent side's proposals, up to this one."""
    side = match.whose_turn
    if side is None or not is_over(match, now):
        return None
    expired = _close(match, MatchStatus.EXPIRED, never_again=False)
    event = expired.event(MatchExpired, unanswered_by=side, unanswered_in_a_row=unanswered_in_a_row)
    return Decision(expired, (event,))


def withdraw(match: Match, reason: WithdrawReason) -> Decision[Match] | Refusal | None:
    """Takes back what not both have accepted. Taking it back again changes nothing."""
    if match.status is MatchStatus.WITHDRAWN:
        return None
    return _withdraw(match, reason) if match.status in UNANSWERED else AlreadyDecided()


def take_back(
    match: Match, coordinator_id: str, reason: TakeBackReason, *, swapped_for: str | None = None
) -> Decision[Match] | Refusal | None:
    """A coordinator takes a proposal back, and no round makes it again.

    Taking it back again in the same way changes nothing.
    """
    if match.status is MatchStatus.WITHDRAWN and match.swapped_for == swapped_for:
        return None
    if match.status not in UNANSWERED:
        return AlreadyDecided()
    withdrawn = replace(
        _close(match, MatchStatus.WITHDRAWN, never_again=True), swapped_for=swapped_for
    )
    event = withdrawn.event(
        MatchWithdrawn,
        reason=WithdrawReason.COORDINATOR,
        asked=match.heard,
        coordinator_id=coordinator_id,
        coordinators_reason=reason,
    )
    return Decision(withdrawn, (event,))


def displace(
    match: Match, round_id: str, reason: WithdrawReason
) -> Decision[Match] | Refusal | None:
    """A top-up takes a proposal back that nobody has answered. Done again by it changes nothing."""
    if match.displaced_by == round_id:
        return None
    if match.status not in DISPLACEABLE:
        return AlreadyDecided()
    return _withdraw(replace(match, displaced_by=round_id), reason)


def why_displaced(match: Match, next_score: int | None) -> WithdrawReason:
    """Why a top-up takes a proposal back, from the score of the mentee's next one, if she has one."""
    if next_score is not None and next_score >= match.score:
        return WithdrawReason.BETTER_FOUND
    return WithdrawReason.NEEDED_MORE


def end(match: Match) -> Decision[Match] | None:
    """The mentorship was closed: both are free again, and this pair is not proposed another time."""
    if match.status is not MatchStatus.ACCEPTED:
        return None
    ended = _close(match, MatchStatus.ENDED, never_again=True)
    return Decision(ended, (ended.event(MatchEnded),))


def forget(match: Match) -> Decision[Match] | None:
    """One of the two was erased: what they shared is forgotten, the course of the match stays."""
    wordless = tuple(replace(question, text="") for question in match.questions)
    bare = replace(
        match, score=0, reasons=(), languages=(), times=(), city=None, questions=wordless
    )
    return None if bare == match else Decision(bare)


def _propose(match: Match, now: datetime) -> Decision[Match]:
    proposed = replace(match, status=MatchStatus.PROPOSED, proposed_at=now)
    event = proposed.event(MatchProposed, chosen_by=match.chosen_by)
    return Decision(proposed, (event,))


def _with_answer(match: Match, side: Role, *, says_yes: bool) -> Match:
    """The answer is noted, and the other side's time has not begun yet."""
    noted = replace(match, asked_at=None, answer_by=None, reminded=False)
    if side is Role.MENTEE:
        return replace(noted, mentee_said=says_yes)
    return replace(noted, mentor_said=says_yes)


def _withdraw(match: Match, reason: WithdrawReason) -> Decision[Match]:
    withdrawn = _close(match, MatchStatus.WITHDRAWN, never_again=False)
    return Decision(withdrawn, (withdrawn.event(MatchWithdrawn, reason=reason, asked=match.heard),))


def _close(match: Match, status: MatchStatus, *, never_again: bool) -> Match:
    return replace(
        match, status=status, open=False, never_again=never_again, asked_at=None, answer_by=None
    )
