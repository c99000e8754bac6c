"""Events, messages and known facts for the tests of notifications, in the words of the domain."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from services.notifications.domain.asks import Ask, CoordinatorsOf, asked, asks
from services.notifications.domain.message import Addressed, Claim, Message, Stage
from services.notifications.letters.written import Letterhead
from shared.events import care, check_ins, contacts, matches, participants, pool, programmes
from shared.events.matches import Factor, MatchStatus, Reason
from shared.events.participants import ParticipantStatus, Role
from shared.events.payload import Payload
from shared.events.wire import Event, event_id

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROGRAMME = "kvinfo"
ODENSE = "461"
MENTEE, MENTOR, COORDINATOR, DEPUTY = "mentee-1", "mentor-1", "coordinator-1", "coordinator-2"
MATCH = "match-1"
LETTERHEAD = Letterhead(
    address="no-reply@network.example",
    public_url="https://network.example",
    link_secret="only for tests",
)

_sequences = count(1)


def event[P: Payload](payload: P, *, sequence: int | None = None, at: datetime = NOON) -> Event[P]:
    """The payload in its envelope; without a sequence one that is higher than all before."""
    number = next(_sequences) if sequence is None else sequence
    return Event(
        id=event_id(payload.stream.name, payload.subject, number),
        stream=payload.stream,
        subject=payload.subject,
        sequence=number,
        time=at,
        programme=payload.programme,
        city=payload.city,
        correlation_id="journey-1",
        causation_id=None,
        traceparent=None,
        payload=payload,
    )
