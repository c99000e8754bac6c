"""Solves each recorded round again from the events before it, and compares. Pure.

The same events and the same seed give the same matches; so a round that comes out differently was
not run on what the journal tells, or not by this engine. Three things are not in the events, and
may make a difference that is none: people who were erased since (then it is said how many), events
that had not reached matching when a round ran, and pairs that a unique index refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.matching.domain.round import Engine
from services.matching.domain.schedule import RoundKind, top_up_after
from services.matching.replay.history import History, HistoryUnusable
from services.matching.replay.world import Solved, World
from shared.events.matches import MatchExpired, MatchHeld, MatchProposed, MatchState
from shared.events.payload import Payload
from shared.events.wire import Event

_JUST_BEFORE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a round proposed, by its name. `at`: when it wrote its proposals."""

    round_id: str
    instant: datetime
    at: datetime
    pairs: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Compared:
    """One recorded round, solved again. `missing`: only recorded; `new`: only solved."""

    round_id: str
    kind: RoundKind
    proposals: int
    missing: frozenset[tuple[str, str]]
    new: frozenset[tuple[str, str]]

    @property
    def is_same(self) -> bool:
        """Whether it came out as recorded."""
        return not self.missing and not self.new


def verify(history: History, engine: Engine, seed: int | None) -> list[Compared]:
    """Each round that proposed something, in their order. `seed`: what the services were given.

    Raises `HistoryUnusable` where no round was recorded.
    """
    recorded = recorded_rounds(history.events)
    if not recorded:
        raise HistoryUnusable("The journal holds no proposals; there is nothing to compare.")
    world = World(engine, seed)
    found: list[Compared] = []
    left = sorted(recorded.values(), key=lambda one: (one.at, one.instant))
    # In the tick of a round, proposals whose time is over expire before it.
    events = sorted(history.events, key=lambda one: (one.time, not _expires(one)))
    for event in events:
        while left and (left[0].at, True) <= (event.time, not _expires(event)):
            found.append(_compare(world, left.pop(0)))
        _run_rounds_without_proposals(world, event.time, recorded)
        if isinstance(event.payload, MatchState):
            world.hear_of_match(event.payload)
        else:
            world.hear(event)
    return found


def _expires(event: Event[Payload]) -> bool:
    return isinstance(event.payload, MatchExpired)


def recorded_rounds(events: Iterable[Event[Payload]]) -> dict[str, Recorded]:
    """The rounds that made proposals, by their names."""
    pairs: dict[str, set[tuple[str, str]]] = {}
    at: dict[str, datetime] = {}
    held: set[str] = set()
    for event in events:
        match = event.payload
        if not isinstance(match, MatchHeld | MatchProposed) or match.round_id is None:
            continue
        if match.match_id in held:
            continue
        held.add(match.match_id)
        pairs.setdefault(match.round_id, set()).add((match.mentee_id, match.mentor_id))
        at.setdefault(match.round_id, event.time)
    return {
        round_id: Recorded(round_id, instant_of(round_id), at[round_id], frozenset(members))
        for round_id, members in pairs.items()
    }


def instant_of(round_id: str) -> datetime:
    """The instant that a round's name tells: `programme.2026-01-05T04:00:00.017Z`."""
    _, _, named = round_id.partition(".")
    try:
        return datetime.fromisoformat(named)
    except ValueError:
        raise HistoryUnusable(f"The round {round_id!r} is not named by its instant.") from None


def _compare(world: World, recorded: Recorded) -> Compared:
    _run_rounds_without_proposals(world, recorded.at, {recorded.round_id: recorded})
    solved = world.run(_kind_of(recorded.instant), recorded.instant, recorded.at)
    pairs = _pairs_of(solved)
    return Compared(
        recorded.round_id,
        solved.kind,
        len(recorded.pairs),
        missing=recorded.pairs - pairs,
        new=pairs - recorded.pairs,
    )


def _run_rounds_without_proposals(
    world: World, now: datetime, recorded: dict[str, Recorded]
) -> None:
    """Regular rounds that proposed nothing left no event, but measured each city's supply."""
    instants = {one.instant for one in recorded.values()}
    while (programme := world.programme) is not None:
        due_at = programme.next_round_at
        if due_at is None or due_at >= now or due_at in instants:
            return
        world.run(RoundKind.ROUND, due_at, due_at)


def _kind_of(instant: datetime) -> RoundKind:
    """By its instant: top-ups are named by a quarter of an hour, a second, and milliseconds."""
    named = top_up_after(instant - _JUST_BEFORE)
    is_top_up = named <= instant <= named + timedelta(seconds=1)
    return RoundKind.TOP_UP if is_top_up else RoundKind.ROUND


def _pairs_of(solved: Solved) -> frozenset[tuple[str, str]]:
    return frozenset((one.mentee_id, one.mentor_id) for one in solved.result.pairings)
