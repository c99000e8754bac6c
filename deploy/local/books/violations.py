"""What must never happen between people, looked for in the history of the streams."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from deploy.local.books.records import Topics
from deploy.local.books.stores import Stores
from shared.events.matches import MatchMenteeAccepted, MatchState, MatchStatus
from shared.events.messages import MessageKind, MessageSent
from shared.events.participants import ParticipantState, Role
from shared.events.streams import MATCHES, PARTICIPANTS

_CLOSED: Final = frozenset(
    {MatchStatus.DECLINED, MatchStatus.EXPIRED, MatchStatus.WITHDRAWN, MatchStatus.ENDED}
)
_NEVER_AGAIN: Final = frozenset({MatchStatus.DECLINED, MatchStatus.ENDED})


@dataclass(slots=True)
class Span:
    """A match from its first event to its end: while it is open it holds a seat and the mentee."""

    match: MatchState
    opened: datetime
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Profiles:
    """What each participant's profile was at any time."""

    states: dict[str, list[tuple[datetime, ParticipantState]]]

    @classmethod
    def of(cls, topics: Topics) -> "Profiles":
        """From the stream `participants`."""
        states: dict[str, list[tuple[datetime, ParticipantState]]] = defaultdict(list)
        for event in topics.of(PARTICIPANTS):
            if isinstance(event.payload, ParticipantState):
                states[event.subject].append((event.time, event.payload))
        return cls(states)

    def at(self, participant_id: str, instant: datetime) -> ParticipantState | None:
        """The newest profile that is not newer than `instant`; else the first."""
        known = self.states.get(participant_id, [])
        before = [state for time, state in known if time <= instant]
        return before[-1] if before else (known[0][1] if known else None)


def spans(topics: Topics) -> list[Span]:
    """All matches with their open time, in the order in which they were opened."""
    found: dict[str, Span] = {}
    for event in topics.of(MATCHES):
        match: MatchState = event.payload
        span = found.setdefault(match.match_id, Span(match, event.time))
        span.match = match
        if match.status in _CLOSED and span.closed is None:
            span.closed = event.time
    return sorted(found.values(), key=lambda span: (span.opened, span.match.match_id))


def find_violations(topics: Topics, stores: Stores) -> dict[str, int]:
    """Counts by name; all must be 0."""
    profiles = Profiles.of(topics)
    matches = spans(topics)
    return {
        "overbooked": _overbooked(matches, profiles),
        "two_open_matches": _two_open(matches),
        "mentor_asked_before_mentee": _mentor_first(topics),
        "same_pair_again": _same_pair(matches),
        "not_with_broken": _not_with(matches, profiles, stores),
        "no_common_language": _no_language(matches, profiles),
    }


def _open_at_once(group: Sequence[Span], instant: datetime) -> int:
    """How many are open just after `instant`; who closes at an instant makes room at once."""
    return sum(
        span.opened <= instant and (span.closed is None or span.closed > instant) for span in group
    )


def _grouped(matches: Sequence[Span], side: Role) -> dict[str, list[Span]]:
    groups: dict[str, list[Span]] = defaultdict(list)
    for span in matches:
        groups[getattr(span.match, f"{side}_id")].append(span)
    return groups


def _overbooked(matches: Sequence[Span], profiles: Profiles) -> int:
    count = 0
    for mentor_id, group in _grouped(matches, Role.MENTOR).items():
        for span in group:
            state = profiles.at(mentor_id, span.opened)
            seats = state.seats if state else 0
            count += _open_at_once(group, span.opened) > seats
    return count


def _two_open(matches: Sequence[Span]) -> int:
    return sum(
        _open_at_once(group, span.opened) > 1
        for group in _grouped(matches, Role.MENTEE).values()
        for span in group
    )


def _mentor_first(topics: Topics) -> int:
    """Mentors who got mail about a proposal before the mentee had said yes."""
    yes = {event.subject: event.time for event in topics.of_type(MatchMenteeAccepted)}
    count = 0
    for event in topics.of_type(MessageSent):
        sent: MessageSent = event.payload
        if sent.kind is MessageKind.PROPOSAL_TO_MENTOR:
            count += sent.match_id not in yes or yes[sent.match_id] > sent.sent_at
    return count


def _same_pair(matches: Sequence[Span]) -> int:
    """Pairs that came together again although an earlier match of theirs was declined or ended."""
    pairs: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in matches:
        pairs[span.match.mentee_id, span.match.mentor_id].append(span)
    return sum(
        any(earlier.match.status in _NEVER_AGAIN for earlier in group[:index])
        for group in pairs.values()
        for index in range(1, len(group))
    )


def _not_with(matches: Sequence[Span], profiles: Profiles, stores: Stores) -> int:
    """By what the events say, and by the hashes in intake's own store, which events never carry."""
    people = {
        document["_id"]: (document.get("state") or {}).get("person")
        for document in stores.of("intake", "participants")
    }
    return sum(
        _kept_apart(span, profiles)
        or _named(people.get(span.match.mentee_id), people.get(span.match.mentor_id))
        or _named(people.get(span.match.mentor_id), people.get(span.match.mentee_id))
        for span in matches
    )


def _kept_apart(span: Span, profiles: Profiles) -> bool:
    mentee_id, mentor_id = span.match.mentee_id, span.match.mentor_id
    mentee, mentor = profiles.at(mentee_id, span.opened), profiles.at(mentor_id, span.opened)
    return bool(
        (mentee and mentor_id in mentee.apart_from) or (mentor and mentee_id in mentor.apart_from)
    )


def _named(one: Any, other: Any) -> bool:
    return bool(one and other) and other["hashes"]["email"] in one["hashes"]["not_with"]


def _no_language(matches: Sequence[Span], profiles: Profiles) -> int:
    count = 0
    for span in matches:
        mentee = profiles.at(span.match.mentee_id, span.opened)
        mentor = profiles.at(span.match.mentor_id, span.opened)
        if mentee is not None and mentor is not None:
            count += set(mentee.languages).isdisjoint(mentor.languages)
    return count
