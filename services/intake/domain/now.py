"""What happens now and next for somebody: what her own page opens with. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.intake.domain.heard import Waiting
from services.intake.domain.journeys import KnownMatch
from services.intake.domain.participant import Participant, Person, Status
from shared.events.check_ins import CheckInStatus
from shared.events.matches import MatchStatus
from shared.events.participants import PauseReason, Role
from shared.events.programmes import Policy

_ASKED: Final = (CheckInStatus.DUE, CheckInStatus.OVERDUE, CheckInStatus.ESCALATED)


class Kind(StrEnum):
    """What there is to tell her, the most urgent first."""

    CONFIRM = "confirm"
    SCREENING = "screening"
    ANSWER = "answer"
    MENTORSHIP = "mentorship"
    OTHER_ANSWERS = "other_answers"
    RATE = "rate"
    WAITING = "waiting"
    RESTING = "resting"
    PAUSED = "paused"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Now:
    """One thing that is so now. Which fields are set follows from the kind."""

    kind: Kind
    match: KnownMatch | None = None
    since: datetime | None = None
    waiting: Waiting | None = None
    pause: PauseReason | None = None


_STANDING: Final = {
    Status.UNCONFIRMED: Kind.CONFIRM,
    Status.REGISTERING: Kind.CONFIRM,
    Status.AWAITING_SCREENING: Kind.SCREENING,
    Status.PAUSED: Kind.PAUSED,
    Status.WITHDRAWN: Kind.LEFT,
}


def what_is_now(
    state: Participant, person: Person, matches: Sequence[KnownMatch], waiting: Waiting | None
) -> list[Now]:
    """All that is so now, the most urgent first. matches: hers, in any order."""
    found = [*_of_matches(state.participant_id, matches)]
    standing = _STANDING.get(state.status)
    if standing is not None:
        found.append(Now(standing, pause=person.paused_for))
    elif _has_room(person, matches):
        found.append(_waiting(person, matches, waiting))
    return sorted(found, key=lambda now: list(Kind).index(now.kind))


def _of_matches(participant_id: str, matches: Iterable[KnownMatch]) -> Iterator[Now]:
    for match in matches:
        side = match.side_of(participant_id)
        if side is None or not match.may_see(side):
            continue
        if match.is_running:
            yield Now(Kind.MENTORSHIP, match, since=match.accepted_at)
        elif match.closing is not None and not any(r.rated_by is side for r in match.ratings):
            yield Now(Kind.RATE, match, since=match.closing.closed_at)
        elif match.whose_turn is side:
            yield Now(Kind.ANSWER, match)
        elif match.whose_turn is side.other:
            yield Now(Kind.OTHER_ANSWERS, match)


def _has_room(person: Person, matches: Iterable[KnownMatch]) -> bool:
    """Whether another match is looked for: a mentee has one at a time, a mentor as many as seats.

    What nobody has told her of yet does not count: to her it is still looked for.
    """
    is_mentor = person.role is Role.MENTOR
    taken = sum(match.open and match.may_see(person.role) for match in matches)
    return taken < (person.profile.seats if is_mentor else 1)


def _waiting(person: Person, matches: Sequence[KnownMatch], waiting: Waiting | None) -> Now:
    """Since when: since she can be matched, or since her last match was over."""
    closed = [match.closing for match in matches if match.closing is not None]
    last = max(closed, key=lambda closing: closing.closed_at, default=None)
    if (
        last is not None
        and person.role not in last.match_again
        and not _heard_since(person, last.closed_at)
    ):
        return Now(Kind.RESTING)
    since = max(
        (at for at in (person.available_since, last.closed_at if last else None) if at),
        default=None,
    )
    is_new = waiting is not None and since is not None and waiting.told_at >= since
    return Now(Kind.WAITING, since=since, waiting=waiting if is_new else None)


def _heard_since(person: Person, instant: datetime) -> bool:
    """Whether she came back since then."""
    return person.available_since is not None and person.available_since > instant


def open_check_in(match: KnownMatch) -> int | None:
    """The number of the check-in that both are asked to answer now, if there is one."""
    newest = match.newest_check_in
    if newest is None or not match.is_running or newest.status not in _ASKED:
        return None
    return newest.number


def next_check_in(match: KnownMatch, policy: Policy, now: datetime) -> datetime | None:
    """When both are asked next how it goes, by the programme's policy as it is now."""
    if match.accepted_at is None or match.status is not MatchStatus.ACCEPTED:
        return None
    days = sorted({*policy.check_in_days})
    every = policy.check_in_every_days
    if every:
        first = days[-1] if days else 0
        days += [first + every * n for n in range(1, 366 // every + 1)]
    instants = (match.accepted_at + timedelta(days=day) for day in days)
    return next((instant for instant in instants if instant > now), None)
