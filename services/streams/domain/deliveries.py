"""Deliveries to one endpoint: what waits, what is tried next, and when. Pure.

The journal is the queue. What is kept of an endpoint's progress is a position (`after`: everything up to
it has been tried) and a *lane* for each match of which an event still waits. What must stay true: of one
match, a later event is sent only when the earlier ones were delivered or given up; other matches go on.
All times here are the machine's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

RETRY_AFTER: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long to wait after each failure: the schedule that the Standard Webhooks specification gives."""
MOST_ATTEMPTS: Final = len(RETRY_AFTER) + 1
_JITTER: Final = 0.2
"""A wait is up to a fifth shorter or longer, so that those who failed together do not come back together."""
_LONGEST_ASKED_WAIT: Final = timedelta(hours=24)
FAILING_AT_MOST: Final = timedelta(days=3)
"""An endpoint to which nothing could be delivered for so long is disabled; its place is kept."""
MOST_LANES: Final = 100
MOST_NEW: Final = 50
"""Events that one turn takes from the journal."""
ILL_AFTER: Final = 5
"""After so many failures in a row an endpoint is only probed, with one event at each step of the schedule."""
GONE: Final = 410


class Verdict(StrEnum):
    """What came of one attempt."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered: a status, or why there is none. `asked_wait`: its `Retry-After`."""

    status: int | None
    error: str | None = None
    asked_wait: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Any 2xx. Redirects are not followed, so they are failures."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver one event."""

    event_id: str
    type: str
    position: int
    number: int
    """1 for the first attempt at this event."""
    at: datetime
    seconds: float
    answer: Answer

    @property
    def verdict(self) -> Verdict:
        """What came of it."""
        if self.answer.is_success:
            return Verdict.DELIVERED
        if self.answer.status == GONE:
            return Verdict.GONE
        return Verdict.GIVEN_UP if self.number >= MOST_ATTEMPTS else Verdict.FAILED

    @property
    def is_settled(self) -> bool:
        """Whether the match's next event may follow."""
        return self.verdict in (Verdict.DELIVERED, Verdict.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class Lane:
    """A match of which an event waits, at `position`; its later events wait behind it."""

    match_id: str
    position: int
    attempts: int
    """How often this event was tried in vain."""
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What one turn may try: these lanes, and so many new events. Of an ill endpoint only one of all."""

    lanes: tuple[Lane, ...] = ()
    new: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What one turn did for one match: its attempts in order, and the position that still waits, if any."""

    match_id: str
    attempts: tuple[Attempt, ...] = ()
    waits_at: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the deliveries to an endpoint are.

    turned_back: how often somebody set the position. begun_anew: how often somebody resumed it.
    """

    after: int = 0
    lanes: tuple[Lane, ...] = ()
    turned_back: int = 0
    begun_anew: int = 0
    attempted: int = 0
    delivered: int = 0
    failures_in_a_row: int = 0
    failing_since: datetime | None = None
    probe_at: datetime | None = None
    """When an ill endpoint is tried again."""
    last_delivered_at: datetime | None = None

    @property
    def is_ill(self) -> bool:
        """Whether it failed so often in a row that it is only probed."""
        return self.failures_in_a_row >= ILL_AFTER

    @property
    def waiting(self) -> frozenset[str]:
        """The matches that have a lane."""
        return frozenset(lane.match_id for lane in self.lanes)

    def due(self, now: datetime) -> "Due":
        """What may be tried now. An ill endpoint is probed: by preference with what was never tried."""
        lanes = sorted(
            (lane for lane in self.lanes if self.is_ill or lane.next_at <= now),
            key=lambda lane: (lane.next_at, lane.position),
        )
        has_room = len(self.lanes) < MOST_LANES
        if not self.is_ill:
            return Due(tuple(lanes), MOST_NEW if has_room else 0)
        if self.probe_at is not None and now < self.probe_at:
            return Due()
        untried = [lane for lane in lanes if lane.attempts == 0]
        return Due(tuple((untried or lanes)[:1]), 1 if has_room and not untried else 0)

    @property
    def next_at(self) -> datetime | None:
        """When to look again, if nothing new comes."""
        if self.is_ill:
            return self.probe_at
        return min((lane.next_at for lane in self.lanes), default=None)


def retry_in(number: int, chance: float, asked_wait: timedelta | None = None) -> timedelta:
    """How long to wait after failure `number` (from 1). `chance` in [0, 1) spreads it by a fifth.

    An endpoint may ask for a longer wait, up to a day.
    """
    planned = RETRY_AFTER[number - 1] * (1 - _JITTER + 2 * _JITTER * chance)
    return max(planned, min(asked_wait or planned, _LONGEST_ASKED_WAIT))


def after_turn(
    progress: Progress, runs: Sequence[Run], reached: int, now: datetime, chances: Sequence[float]
) -> Progress:
    """The progress after a turn that looked at everything up to `reached`. One chance for each run."""
    lanes = {lane.match_id: lane for lane in progress.lanes}
    attempts = sorted(
        (attempt for run in runs for attempt in run.attempts), key=lambda attempt: attempt.at
    )
    for run, chance in zip(runs, chances, strict=True):
        lanes.pop(run.match_id, None)
        if run.waits_at is not None:
            lanes[run.match_id] = _lane(run, run.waits_at, now, chance)
    delivered = [one for one in attempts if one.verdict is Verdict.DELIVERED]
    since_success = attempts
    if delivered:
        last = max(attempts.index(one) for one in delivered)
        since_success = attempts[last + 1 :]
    failures = len(since_success) + (0 if delivered else progress.failures_in_a_row)
    failing_since = None if delivered else progress.failing_since
    if failing_since is None and since_success:
        failing_since = since_success[0].at
    if delivered and progress.is_ill:
        # It is back: what waited only because nothing got through need not wait any longer.
        lanes = {name: replace(lane, next_at=now) for name, lane in lanes.items()}
    probe_at = progress.probe_at if failures == progress.failures_in_a_row else None
    if failures >= ILL_AFTER and probe_at is None:
        number = min(failures - ILL_AFTER + 1, len(RETRY_AFTER))
        probe_at = now + retry_in(number, chances[0] if chances else 0.5)
    return replace(
        progress,
        after=max(progress.after, reached),
        lanes=tuple(sorted(lanes.values(), key=lambda lane: lane.position)),
        attempted=progress.attempted + len(attempts),
        delivered=progress.delivered + len(delivered),
        failures_in_a_row=failures,
        failing_since=failing_since,
        probe_at=probe_at,
        last_delivered_at=delivered[-1].at if delivered else progress.last_delivered_at,
    )


def turned_back(progress: Progress, after: int) -> Progress:
    """The same endpoint from another position: nothing waits, and a turn under way no longer counts."""
    return replace(
        progress,
        after=after,
        lanes=(),
        turned_back=progress.turned_back + 1,
        failures_in_a_row=0,
        failing_since=None,
        probe_at=None,
    )


def as_new(progress: Progress, now: datetime) -> Progress:
    """The same place with a clean slate: all that waits is due now, and failures count anew."""
    lanes = tuple(replace(lane, next_at=now, attempts=0) for lane in progress.lanes)
    return replace(progress, lanes=lanes, failures_in_a_row=0, failing_since=None, probe_at=None)


def _lane(run: Run, position: int, now: datetime, chance: float) -> Lane:
    last = run.attempts[-1] if run.attempts else None
    if last is None or last.position != position:
        return Lane(run.match_id, position, 0, now)
    if last.verdict is Verdict.GONE:
        return Lane(run.match_id, position, last.number, now)
    wait = retry_in(last.number, chance, last.answer.asked_wait)
    return Lane(run.match_id, position, last.number, now + wait)
