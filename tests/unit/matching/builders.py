"""Matches, people and events for the tests of matching around the engine."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.matching.domain import life
from services.matching.domain.match import AnswerRules, Match
from services.matching.domain.person import Person
from services.matching.domain.round import Pairing
from shared.decisions import Decision
from shared.events.matches import Factor, MatchState, Reason
from shared.events.participants import (
    KindOfHelp,
    ParticipantRegistered,
    ParticipantState,
    ParticipantStatus,
    Role,
    TimeOfWeek,
)
from shared.events.payload import Payload
from shared.events.programmes import Charter, Policy, ProgrammeChanged
from shared.events.wire import Event, event_id

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = AnswerRules(mentee_answer_days=7, mentor_answer_days=7, reminder_after_days=4)
DAY = timedelta(days=1)


def a_pairing(mentee_id: str = "amal", mentor_id: str = "birgit", score: int = 300) -> Pairing:
    reason = Reason(factor=Factor.KINDS_OF_HELP, points=score, shared=("job_search",))
    return Pairing(
        mentee_id, mentor_id, score, (reason,), ("da",), (TimeOfWeek.MON_EVENING,), online=False
    )


def a_match(match_id: str = "match", seat: int = 1, **pairing: Any) -> Match:
    """A match that has just been paired, and is still nobody's business."""
    return Match.of(
        a_pairing(**pairing),
        match_id=match_id,
        programme="network",
        city="461",
        seat=seat,
        round_id="round",
        rules=RULES,
    )


def proposed(match_id: str = "match", **fields: Any) -> Match:
    return a_match_after(life.make(a_match(match_id, **fields), START, review=False))


def held(match_id: str = "match") -> Match:
    return a_match_after(life.make(a_match(match_id), START, review=True))


def asked(match: Match, at: datetime = START) -> Match:
    """Whoever is to answer has got her message."""
    assert match.whose_turn is not None
    return a_match_after(life.asked(match, match.whose_turn, at))


def said_yes(match: Match, side: Role, at: datetime = START) -> Match:
    return a_match_after(life.answer(match, side, at, says_yes=True))


def accepted(match_id: str = "match", **fields: Any) -> Match:
    willing = said_yes(asked(proposed(match_id, **fields)), Role.MENTEE)
    return said_yes(asked(willing), Role.MENTOR)


def then(decision: object) -> Any:
    """The state after a decision that must have been made."""
    assert isinstance(decision, Decision), decision
    return decision.state


def a_match_after(decision: object) -> Match:
    """The match after a decision that must have been made."""
    match = then(decision)
    assert isinstance(match, Match)
    return match


def told(decision: object) -> list[str]:
    """The kinds of events of a decision: `match.proposed`, …; none if nothing was decided."""
    if not isinstance(decision, Decision):
        return []
    return [event.wire_name.split(".", 1)[1].removesuffix(".v1") for event in decision.events]


def only_event(decision: object) -> MatchState:
    assert isinstance(decision, Decision)
    (event,) = decision.events
    assert isinstance(event, MatchState)
    return event


def a_participant(
    participant_id: str,
    role: Role,
    kind: type[ParticipantState] = ParticipantRegistered,
    **fields: Any,
) -> Any:
    """An active participant who fits everybody, as an event of the stream `participants`."""
    return kind(
        **{
            "programme": "network",
            "city": "461",
            "participant_id": participant_id,
            "role": role,
            "status": ParticipantStatus.ACTIVE,
            "registered_at": START,
            "available_since": START,
            "languages": ("da",),
            "meets_online": False,
            "availability": (TimeOfWeek.MON_EVENING,),
            "kinds_of_help": (KindOfHelp.JOB_SEARCH,),
            "seats": 1 if role is Role.MENTOR else 0,
            **fields,
        }
    )


def a_person(participant_id: str, role: Role = Role.MENTEE, **fields: Any) -> Person:
    return Person.of(a_participant(participant_id, role, **fields))


def a_programme(programme: str = "network", **policy: Any) -> ProgrammeChanged:
    return ProgrammeChanged(
        programme=programme,
        name="Network",
        policy=Policy(**policy),
        charters=(Charter(version="1"),),
        cities=(),
    )


def event_of(payload: Payload, sequence: int = 1, at: datetime = START) -> Event[Any]:
    """The event as a service reads it."""
    stream = payload.stream
    return Event(
        id=event_id(stream.name, payload.subject, sequence),
        stream=stream,
        subject=payload.subject,
        sequence=sequence,
        time=at,
        programme=payload.programme,
        city=payload.city,
        correlation_id="c",
        causation_id=None,
        traceparent=None,
        payload=payload,
    )
