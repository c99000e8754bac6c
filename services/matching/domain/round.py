"""A round: what goes in, what comes out, and the one method that every engine has.

The same input gives the same result on every machine, whatever the order of the people in it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from services.matching.domain.person import Person
from shared.events.matches import Reason
from shared.events.participants import TimeOfWeek
from shared.events.pool import WaitingReason, WhatHelps
from shared.events.programmes import ScoreWeights


@dataclass(frozen=True, slots=True)
class RoundInput:
    """Everything that a round may know.

    `people`: the mentees who are free, and the active mentors. Mentors without a free seat may be
    among them: nobody is matched with them, but reasons for waiting become more exact.
    `free_seats`: by mentor; one who is missing has none. `never_again`: (mentee, mentor) pairs that
    declined or ended. `seed` decides the lottery among equals. `rescue`: whether mentees who stay
    alone are helped by moving a few others a little, see `domain.rescue`.

    `tentative`: proposals, mentor by mentee, that nobody has answered yet and that may be taken
    back. Their mentees are among `people`, and their seats count as free. What was accepted is not
    in the input at all.
    """

    people: Sequence[Person]
    free_seats: Mapping[str, int]
    never_again: Collection[tuple[str, str]]
    weights: ScoreWeights
    seed: int
    now: datetime
    tentative: Mapping[str, str] = field(default_factory=dict)
    rescue: Literal["off", "minimal"] = "off"


@dataclass(frozen=True, slots=True)
class Pairing:
    """One mentee, one mentor, and why. `score` (0 to 1000) is the sum of the reasons' points.

    `languages` both want to use, the most comfortable first; `times` that suit both; `online` if
    they do not live in one municipality; `by_rescue` if the rescue placed or moved her.
    """

    mentee_id: str
    mentor_id: str
    score: int
    reasons: tuple[Reason, ...]
    languages: tuple[str, ...]
    times: tuple[TimeOfWeek, ...]
    online: bool
    by_rescue: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody whom the round did not match: the first thing in the way, and what would help.

    `mentors_in_reach`: mentors of the input who meet every hard constraint but the free seat; 0 for
    a mentor.
    """

    participant_id: str
    reason: WaitingReason
    what_helps: tuple[WhatHelps, ...]
    mentors_in_reach: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Where mentors are missing: `waiting` mentees in a city, and whom one more mentor would place.

    `profession`: the ISCO-08 unit group that would place the most, or None if no mentee named one.
    """

    city: str
    waiting: int
    profession: str | None
    would_place: int


@dataclass(frozen=True, slots=True)
class Move:
    """A mentee whom the rescue gave another mentor, so that somebody else could be placed.

    Her points with the mentor whom she would have had, and with the one she has.
    """

    mentee_id: str
    from_mentor_id: str
    to_mentor_id: str
    points_before: int
    points_after: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """What can be checked: pairs who would both rather have each other, and the round's seed.

    `blocking_pairs` are counted before the rescue: its moves make some, knowingly. `rescued`: how
    many more it placed; `moved`: how many it gave another mentor; `most_lost`: the most points that
    this cost one of them.
    """

    blocking_pairs: int
    seed: int
    rescued: int = 0
    moved: int = 0
    most_lost: int = 0


@dataclass(frozen=True, slots=True)
class RoundResult:
    """Pairings by mentee, waiting by participant, gaps by city, each sorted by its id.

    `pairings` are the new ones: tentative pairs that hold on are in neither list. `displaced` are
    the tentative pairs (mentee, mentor) that no longer hold, by mentee. `moves` of the rescue, by
    mentee: they say why she has another mentor than she would have had.
    """

    pairings: tuple[Pairing, ...]
    waiting: tuple[Waiting, ...]
    gaps: tuple[Gap, ...]
    certificate: Certificate
    displaced: tuple[tuple[str, str], ...] = ()
    moves: tuple[Move, ...] = ()


class Engine(Protocol):
    """Solves rounds. Blocking, and pure: callers run it in a thread of its own."""

    def solve(self, round_input: RoundInput) -> RoundResult:
        """Matches all who can be matched. Raises ValueError for input that cannot be right."""
        ...

    def top_up(self, round_input: RoundInput) -> RoundResult:
        """Matches who is free, starting from what is tentative and moving no more than it must.

        Mentees who arrived displace others along a chain; seats that were freed are filled along
        another. No two people would then both rather have each other, as after `solve`. The
        result tells of no one waiting and no gap: those are a round's to tell, which sees everybody.
        """
        ...
