"""Small histories for the tests of replay: people who come, and what rounds proposed to them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.matching.domain import life
from services.matching.domain.engine import ColumnarEngine
from services.matching.domain.match import Match
from services.matching.replay.history import History
from services.matching.replay.world import World
from shared.events.matches import MatchState
from shared.events.participants import KindOfHelp, ParticipantRegistered, Role, TimeOfWeek
from shared.events.payload import Payload
from shared.events.programmes import BetweenRounds, Charter, Policy, ProgrammeChanged
from shared.events.wire import Event, event_id
from shared.ids import repeatable_id

BEGAN = datetime(2026, 1, 5, 7, tzinfo=UTC)
DAY = timedelta(days=1)
ENGINE = ColumnarEngine()
SEED = 7


def an_event(payload: Payload, time: datetime, sequence: int = 1) -> Event[Payload]:
    return Event(
        id=event_id(payload.stream.name, payload.subject, sequence),
        stream=payload.stream,
        subject=payload.subject,
        sequence=sequence,
        time=time,
        programme=payload.programme,
        city=payload.city,
        correlation_id="",
        causation_id=None,
        traceparent=None,
        payload=payload,
    )


def a_network(**policy: Any) -> Event[Payload]:
    policy.setdefault("between_rounds", BetweenRounds.ROUNDS_ONLY)
    changed = ProgrammeChanged(
        programme="network",
        name="network",
        policy=Policy(**policy),
        charters=(Charter(version="1"),),
        cities=(),
    )
    return an_event(changed, BEGAN)


def comes(name: str, role: Role, day: float = 0.0, **fields: Any) -> Event[Payload]:
    """Somebody who registers, imported or confirmed at once."""
    at = BEGAN + day * DAY
    state = {
        "programme": "network",
        "participant_id": name,
        "role": role,
        "status": "active",
        "registered_at": at,
        "available_since": at,
        "city": "461",
        "languages": ("da",),
        "availability": (TimeOfWeek.MON_EVENING,),
        "kinds_of_help": (KindOfHelp.JOB_SEARCH,),
        "seats": 1 if role is Role.MENTOR else 0,
        **fields,
    }
    return an_event(ParticipantRegistered.model_validate(state, strict=False), at)


def a_crowd(mentees: int = 12, mentors: int = 5) -> list[Event[Payload]]:
    """Equals of two languages who come over three weeks, so that the lottery has much to say."""
    return [
        *(
            comes(
                f"mentee-{n}",
                Role.MENTEE,
                day=n * 21 / mentees,
                languages=("da",) if n % 3 else ("en",),
            )
            for n in range(mentees)
        ),
        *(
            comes(
                f"mentor-{n}",
                Role.MENTOR,
                day=n * 14 / mentors,
                seats=1 + n % 2,
                languages=("da", "en"),
            )
            for n in range(mentors)
        ),
    ]


def history_of(events: Sequence[Event[Payload]]) -> History:
    ordered = sorted([a_network(), *events], key=lambda event: event.time)
    return History("network", tuple(ordered), 0)


def with_recorded_rounds(history: History, weeks: int, seed: int = SEED) -> History:
    """The same, with the proposals that matching's rounds made of it; nobody answers."""
    world = World(ENGINE, seed)
    events = list(history.events)
    left, until = list(events), BEGAN + weeks * 7 * DAY
    while True:
        due = world.programme.wake_at if world.programme is not None else None
        if left and (due is None or left[0].time <= due):
            world.hear(left.pop(0))
            continue
        if due is None or due > until or world.programme is None:
            break
        kind, instant = world.programme.what_is_due(due) or (None, None)
        assert kind is not None
        assert instant is not None
        solved = world.run(kind, instant, due)
        for pairing in solved.result.pairings:
            match = Match.of(
                pairing,
                match_id=repeatable_id("m", solved.round_id, pairing.mentee_id, pairing.mentor_id),
                programme="network",
                city=None,
                seat=1,
                round_id=solved.round_id,
                rules=world.programme.answer_rules,
            )
            (proposed,) = life.make(match, due, review=False).events
            assert isinstance(proposed, MatchState)
            world.hear_of_match(proposed)
            events.append(an_event(proposed, due))
    events.sort(key=lambda event: event.time)
    return History("network", tuple(events), 0)
