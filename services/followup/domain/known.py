"""What followup knows of others, learned from their events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.followup.domain.mentorship import Mentorship, Terms, start
from shared.decisions import Decision
from shared.events.matches import MatchAccepted
from shared.events.participants import ParticipantErased, ParticipantState, ParticipantStatus
from shared.events.programmes import Policy, ProgrammeChanged
from shared.events.wire import Event


@dataclass(frozen=True, slots=True)
class KnownProgramme:
    """The terms on which a programme's mentorships begin, and where its working days are."""

    terms: Terms
    time_zone: str


DEFAULT_PROGRAMME: Final = KnownProgramme(Terms.of(Policy()), "Europe/Copenhagen")
"""For a match whose programme has not been heard of yet."""


@dataclass(frozen=True, slots=True)
class KnownParticipant:
    """Whether somebody has left. Nothing else about her is needed here."""

    has_left: bool
    is_erased: bool


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """Never made: of a message only the mark is kept that its events were applied."""


def know_programme(
    _: KnownProgramme | None, event: Event[ProgrammeChanged], __: datetime
) -> Decision[KnownProgramme]:
    """A programme as it is now. Raises `ZoneInfoNotFoundError` for a zone that does not exist."""
    zone = ZoneInfo(event.payload.time_zone)
    return Decision(KnownProgramme(Terms.of(event.payload.policy), zone.key))


def forget_participant(_: KnownParticipant | None) -> Decision[KnownParticipant]:
    """She is to be forgotten: from here on she has left, whatever comes about her later."""
    return Decision(KnownParticipant(has_left=True, is_erased=True))


def know_participant(
    known: KnownParticipant | None, event: Event[ParticipantState | ParticipantErased], __: datetime
) -> Decision[KnownParticipant]:
    """Whether she has left."""
    payload = event.payload
    if isinstance(payload, ParticipantErased) or (known is not None and known.is_erased):
        return Decision(KnownParticipant(has_left=True, is_erased=True))
    gone = payload.status in (ParticipantStatus.WITHDRAWN, ParticipantStatus.ERASED)
    return Decision(KnownParticipant(has_left=gone, is_erased=False))


def know_message(_: KnownMessage | None, __: Event[Any], ___: datetime) -> None:
    """Nothing is kept but the mark."""


def begin(
    mentorship: Mentorship | None, event: Event[Any], programme: KnownProgramme
) -> Decision[Mentorship] | None:
    """A mentorship begins when its match is accepted. Of every other match only marks are kept."""
    accepted = event.payload
    if mentorship is not None or not isinstance(accepted, MatchAccepted):
        return None
    at = accepted.accepted_at or event.time
    return Decision(start(accepted, programme.terms, programme.time_zone, at))
