"""A round: what goes in, what comes out, and the one method that every engine has.

The same input gives the same result on every machine, whatever the order of the people in it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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
    declined or ended. `seed` decides the lottery among equals.
    """

    people: Sequence[Person]
    free_seats: Mapping[str, int]
    never_again: Collection[tuple[str, str]]
    weights: ScoreWeights
    seed: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Pairing:
    """One mentee, one mentor, and why. `score` (0 to 1000) is the sum of the reasons' points.

    `languages` both want to use, the most comfortable first; `times` that suit both; `online` if
    they do not live in one municipality.
    """

    mentee_id: str
    mentor_id: str
    score: int
    reasons: tuple[Reason, ...]
    languages: tuple[str, ...]
    times: tuple[TimeOfWeek, ...]
    online: bool


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
class Certificate:
    """What can be checked: pairs who would both rather have each other, and the round's seed."""

    blocking_pairs: int
    seed: int


@dataclass(frozen=True, slots=True)
class RoundResult:
    """Pairings by mentee, waiting by participant, gaps by city, each sorted by its id."""

    pairings: tuple[Pairing, ...]
    waiting: tuple[Waiting, ...]
    gaps: tuple[Gap, ...]
    certificate: Certificate


class Engine(Protocol):
    """Solves rounds. Blocking, and pure: callers run it in a thread of its own."""

    def solve(self, round_input: RoundInput) -> RoundResult:
        """Matches all who can be matched. Raises ValueError for input that cannot be right."""
        ...
