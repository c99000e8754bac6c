"""What is shown of matches, rounds and waiting, and to whom.

A participant sees a match only once she is asked, and of the other side only what the two share.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from services.matching.domain.match import Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.schedule import RoundRecord, round_id_of
from services.matching.domain.why_not import WhyNot
from shared.events.matches import Reason
from shared.events.participants import ParticipantStatus, Role
from shared.events.pool import WaitingReason
from shared.events.wire import rfc3339


def may_see(match: Match, participant_id: str) -> Role | None:
    """Her side, if she has been asked: the mentee once it is proposed, the mentor after her yes."""
    side = match.side_of(participant_id)
    if side is Role.MENTEE and match.proposed_at is not None:
        return side
    return side if side is Role.MENTOR and match.mentee_said else None


def for_side(match: Match, side: Role) -> dict[str, Any]:
    """The match as one of its two sees it."""
    return {
        **_frame(match),
        "side": side.value,
        "your_turn": match.whose_turn is side,
        "you_said_yes": match.said(side),
        "answer_by": _instant(match.answer_by) if match.whose_turn is side else None,
    }


def for_coordinator(match: Match) -> dict[str, Any]:
    """All of it, but for why somebody said no: that goes nowhere but into the event."""
    return {
        **_frame(match),
        "mentee_id": match.mentee_id,
        "mentor_id": match.mentor_id,
        "seat": match.seat,
        "round_id": match.round_id,
        "city": match.city,
        "waits_for": match.whose_turn.value if match.whose_turn is not None else None,
        "asked_at": _instant(match.asked_at),
        "answer_by": _instant(match.answer_by),
        "reminded": match.reminded,
        "questions": [
            {
                "question_id": question.question_id,
                "asked_by": question.asked_by.value,
                "asked_at": rfc3339(question.asked_at),
                "text": question.text,
                "answered_at": _instant(question.answered_at),
            }
            for question in match.questions
        ],
    }


def of_round(record: RoundRecord) -> dict[str, Any]:
    """One finished round. `seconds` of machine time."""
    return {
        "round_id": record.round_id,
        "kind": record.kind.value,
        "instant": rfc3339(record.instant),
        "seed": record.seed,
        "mentees": record.mentees,
        "mentors": record.mentors,
        "proposed": record.proposed,
        "refused": record.refused,
        "displaced": record.displaced,
        "waiting": record.waiting,
        "blocking_pairs": record.blocking_pairs,
        "seconds": record.seconds,
    }


def of_round_in_full(record: RoundRecord) -> dict[str, Any]:
    """One finished round with what can be checked of it, and how it went for whom."""
    return {
        **of_round(record),
        "certificate": {
            "seed": record.seed,
            "blocking_pairs": record.blocking_pairs,
            "rescued": record.rescued,
            "moves": [asdict(move) for move in record.moves],
        },
        "audit": asdict(record.audit) if record.audit is not None else None,
    }


def of_why_not(answer: WhyNot) -> dict[str, Any]:
    """Why two are not matched."""
    return asdict(replace(answer, reasons=())) | {"reasons": _reasons(answer.reasons)}


def of_schedule(programme: KnownProgramme) -> dict[str, Any]:
    """When a programme's rounds run next."""
    return {
        "next_round_at": _instant(programme.next_round_at),
        "asked_round_at": _instant(programme.asked_round_at),
        "next_top_up_at": _instant(programme.next_top_up_at),
        "plentiful": list(programme.plentiful),
    }


def of_asked_round(programme: KnownProgramme) -> dict[str, Any]:
    """The round that a coordinator asked for."""
    instant = programme.round_instant
    return {
        "round_id": round_id_of(programme.programme, instant) if instant is not None else None,
        "asked_round_at": _instant(programme.asked_round_at),
    }


def of_waiting(
    known: KnownPerson, programme: KnownProgramme | None, open_match_ids: list[str]
) -> dict[str, Any]:
    """Why somebody waits and what would help, or why she does not."""
    waits = known.is_in_pool and not (known.wait is None and open_match_ids)
    why = known.wait.why if known.wait is not None else None
    reason = why.reason if why is not None else WaitingReason.NEXT_ROUND
    return {
        "participant_id": known.participant_id,
        "status": known.status.value,
        "is_waiting": waits,
        "not_in_pool_because": _outside(known),
        "open_matches": open_match_ids,
        "waiting_since": _instant(known.waiting_since) if waits else None,
        "reason": reason.value if waits else None,
        "what_helps": [help_.value for help_ in why.what_helps] if waits and why else [],
        "mentors_in_reach": why.mentors_in_reach if waits and why else None,
        "told_at": _instant(known.told_at),
        "next_note_at": _instant(known.wait.tell_at) if known.wait is not None else None,
        "next_round_at": _instant(programme.round_at) if programme is not None else None,
    }


def _outside(known: KnownPerson) -> str | None:
    if known.status is not ParticipantStatus.ACTIVE:
        return known.status.value
    if known.unreached:
        return "not_reached"
    return "wants_no_other_match" if known.resting else None


def _frame(match: Match) -> dict[str, Any]:
    return {
        "match_id": match.match_id,
        "programme": match.programme,
        "status": match.status.value,
        "score": match.score,
        "reasons": _reasons(match.reasons),
        "languages": list(match.languages),
        "times": list(match.times),
        "online": match.online,
        "proposed_at": _instant(match.proposed_at),
        "accepted_at": _instant(match.accepted_at),
    }


def _reasons(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [
        {"factor": one.factor.value, "points": one.points, "shared": list(one.shared)}
        for one in reasons
    ]


def _instant(at: datetime | None) -> str | None:
    return rfc3339(at) if at is not None else None
