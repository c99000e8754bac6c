"""What intake has heard of people apart from their matches: why they wait, what did not reach them.

Pure. Beside it, where a city lacks mentors.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.decisions import Decision
from shared.events.messages import FailureReason, MessageBounced, MessageFailed, MessageKind
from shared.events.participants import Role
from shared.events.pool import RecruitmentGap, StillWaiting, WaitingReason, WhatHelps
from shared.events.wire import Event


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why somebody waited when she was last told, and what would help. She may have a match since."""

    participant_id: str
    programme: str
    city: str | None
    role: Role
    waiting_since: datetime
    reason: WaitingReason
    what_helps: tuple[WhatHelps, ...]
    mentors_in_reach: int
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """What one more mentor would change in a city. profession: ISCO-08 unit group, or None."""

    programme: str
    city: str | None
    waiting: int
    profession: str | None
    would_place: int
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Unreached:
    """A message that did not reach somebody: it could not be sent, or it came back."""

    message_id: str
    programme: str
    city: str | None
    recipient_id: str
    kind: MessageKind
    bounced: bool
    match_id: str | None
    at: datetime


def follow_waiting(
    _: Waiting | None, event: Event[StillWaiting], __: datetime
) -> Decision[Waiting]:
    """The newest word on somebody who waits."""
    told = event.payload
    return Decision(
        Waiting(
            participant_id=told.participant_id,
            programme=told.programme,
            city=told.city,
            role=told.role,
            waiting_since=told.waiting_since,
            reason=told.reason,
            what_helps=told.what_helps,
            mentors_in_reach=told.mentors_in_reach,
            told_at=event.time,
        )
    )


def forget_waiting(known: Waiting | None) -> Decision[Waiting] | None:
    """She is forgotten: that somebody waited is left, not where, nor what would have helped her."""
    if known is None:
        return None
    bare = replace(known, city=None, what_helps=(), mentors_in_reach=0)
    return None if bare == known else Decision(bare)


def follow_gap(_: Gap | None, event: Event[RecruitmentGap], __: datetime) -> Decision[Gap]:
    """The newest word on a city."""
    told = event.payload
    return Decision(
        Gap(told.programme, told.city, told.waiting, told.profession, told.would_place, event.time)
    )


def follow_message(
    _: Unreached | None, event: Event[Any], __: datetime
) -> Decision[Unreached] | None:
    """Only what did not get through is kept; of all others just the mark."""
    told = event.payload
    if not isinstance(told, MessageFailed | MessageBounced):
        return None
    if isinstance(told, MessageFailed) and told.reason is FailureReason.NO_LONGER_MEANT:
        return None
    return Decision(
        Unreached(
            message_id=told.message_id,
            programme=told.programme,
            city=told.city,
            recipient_id=told.recipient_id,
            kind=told.kind,
            bounced=isinstance(told, MessageBounced),
            match_id=told.match_id,
            at=event.time,
        )
    )
