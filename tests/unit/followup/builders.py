"""Builders for mentorships in tests: a state in a few words, and time that passes."""

from datetime import UTC, datetime, timedelta

from services.followup.domain import check_ins
from services.followup.domain.mentorship import Answer, CheckIn, Going, Mentorship, Terms, start
from services.followup.domain.timing import on_time
from shared.decisions import Decision, Refusal
from shared.events.check_ins import CheckInStatus
from shared.events.matches import MatchAccepted, MatchStatus
from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.programmes import Policy
from shared.events.wire import Event, event_id

START = datetime(2026, 1, 5, 9, tzinfo=UTC)  # A Monday.
MENTEE, MENTOR = "mentee-1", "mentor-1"


def days(number: float) -> timedelta:
    return timedelta(days=number)


def accepted(match_id: str = "match-1", **changes: object) -> MatchAccepted:
    said = {
        "programme": "kvinfo",
        "city": "461",
        "match_id": match_id,
        "mentee_id": MENTEE,
        "mentor_id": MENTOR,
        "status": MatchStatus.ACCEPTED,
        "score": 700,
        "accepted_at": START,
    }
    return MatchAccepted.model_validate({**said, **changes})


def a_mentorship(policy: Policy | None = None, time_zone: str = "Europe/Copenhagen") -> Mentorship:
    return start(accepted(), Terms.of(policy or Policy()), time_zone, START)


def person(side: Role) -> str:
    return MENTEE if side is Role.MENTEE else MENTOR


def said(
    going: Going = Going.WELL, next_step: str = "We write to two firms.", *, again: bool = True
) -> Answer:
    return Answer(going, next_step, again)


def names(events: tuple[Payload, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def an_event(payload: Payload, at: datetime, sequence: int = 1) -> Event[Payload]:
    """As it came from the wire."""
    stream = payload.stream
    return Event(
        id=event_id(stream.name, payload.subject, sequence),
        stream=stream,
        subject=payload.subject,
        sequence=sequence,
        time=at,
        programme=payload.programme,
        city=payload.city,
        correlation_id="",
        causation_id=None,
        traceparent=None,
        payload=payload,
    )


class Life:
    """A mentorship that lives: keeps the state, and every event with its instant."""

    def __init__(self, mentorship: Mentorship | None = None) -> None:
        self.mentorship = mentorship or a_mentorship()
        self.now = START
        self.events: list[tuple[datetime, Payload]] = []

    @property
    def started(self) -> tuple[CheckIn, ...]:
        """The check-ins whose time has come."""
        check_ins = self.mentorship.check_ins
        return tuple(c for c in check_ins if c.status is not CheckInStatus.SCHEDULED)

    def take(self, decision: Decision[Mentorship] | Refusal | None) -> tuple[Payload, ...]:
        """Takes what was decided. Raises AssertionError for a refusal."""
        assert not isinstance(decision, Refusal), decision
        if decision is None:
            return ()
        self.mentorship = decision.state
        self.events += [(self.now, event) for event in decision.events]
        return decision.events

    def jump_to(self, instant: datetime) -> tuple[Payload, ...]:
        """Nothing ran until `instant`: what fell due is done in one decision."""
        self.now = max(self.now, instant)
        return self.take(on_time(self.mentorship, self.now))

    def live_until(self, instant: datetime) -> tuple[Payload, ...]:
        """Time passes and everything is done at its instant."""
        before = len(self.events)
        while (wake_at := self.mentorship.wake_at) is not None and wake_at <= instant:
            self.jump_to(wake_at)
        self.now = max(self.now, instant)
        return tuple(event for _, event in self.events[before:])

    def ask(self, number: int, *sides: Role, reached: bool = True) -> None:
        """The messages of a check-in went out now, to both unless said otherwise."""
        for side in sides or tuple(Role):
            decision = check_ins.asked(
                self.mentorship, number, person(side), self.now, reached=reached
            )
            self.take(decision)

    def answer(self, number: int, side: Role, answer: Answer | None = None) -> tuple[Payload, ...]:
        decision = check_ins.answer(
            self.mentorship, number, person(side), answer or said(), self.now
        )
        return self.take(decision)

    def of_type(self, name: str) -> list[Payload]:
        return [event for _, event in self.events if type(event).__name__ == name]
