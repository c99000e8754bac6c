"""What a round leaves each city, and which cities may therefore propose between the rounds. Pure.

Where seats are plenty, whoever comes is proposed to at once: a round would give her hardly more. In
a city that is short of them, whoever comes first would take what suits somebody else better, so there
everybody waits for the round, which weighs all of them together.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.matching.domain.person import Person
from shared.events.participants import Role
from shared.events.programmes import BetweenRounds, BetweenRoundsIn

PLENTY_FROM: Final = 2.0
"""Seats for each who wants one: one for her, and one beside it, since not every seat that is in reach
by place suits her languages and her times."""


@dataclass(frozen=True, slots=True)
class CitySupply:
    """A city after a round.

    `waiting`: mentees for whom there are mentors in reach, but no free seat. `seats`: those that
    the round left free with mentors who live there. `seats_each`: see `supply_after`.
    """

    city: str
    waiting: int
    seats: int
    seats_each: float

    @property
    def is_plentiful(self) -> bool:
        """Whether who comes may be proposed to at once."""
        return self.seats_each >= PLENTY_FROM


@dataclass(frozen=True, slots=True)
class BetweenRoundsRules:
    """A programme's policy: what holds, and the cities in which something else does.

    `displaces_asked`: whether a mentee who was asked may lose the proposal before she answers.
    """

    mode: BetweenRounds = BetweenRounds.BY_SCARCITY
    exceptions: tuple[BetweenRoundsIn, ...] = ()
    displaces_asked: bool = False

    @property
    def modes(self) -> frozenset[BetweenRounds]:
        """What holds somewhere."""
        return frozenset({self.mode, *(exception.mode for exception in self.exceptions)})

    def proposes_in(self, city: str | None, plentiful: Collection[str]) -> bool:
        """Whether a city proposes between the rounds. What no round has measured waits for one."""
        mode = {one.city: one.mode for one in self.exceptions}.get(city or "", self.mode)
        if mode is BetweenRounds.BY_SCARCITY:
            return city in plentiful
        return mode is BetweenRounds.AT_ONCE


@dataclass(slots=True)
class _Place:
    """A city: those who want a seat there, and the seats, each in all and of people who meet online."""

    want: float = 0.0
    want_online: float = 0.0
    seats: int = 0
    seats_online: int = 0


def supply_after(
    people: Sequence[Person], waiting: Collection[str], seats_left: Mapping[str, int]
) -> tuple[CitySupply, ...]:
    """The supply of each city in which somebody lives, by city.

    `people`: all of the round. `waiting`: ids of mentees whom it left without a seat although there
    are mentors in reach of them. `seats_left`: by mentor, what it did not fill.

    A seat is wanted by those who wait and by one more in each city, who comes next and meets online
    as likely as any mentee. Each seat is shared evenly among all whom it is in reach of by place:
    those of the mentor's city and, if she meets online, all others who do. `seats_each` is what one
    of the city has of all shares, on average; so shares times people add up to the seats.
    """
    mentees = [person for person in people if person.role is Role.MENTEE]
    meets_online = sum(person.meets_online for person in mentees) / max(1, len(mentees))
    cities = sorted({person.city for person in people if person.city is not None})
    places = {city: _Place(want=1.0, want_online=meets_online) for city in cities}
    left_waiting = Counter[str]()
    for person in people:
        if person.city is None:
            continue
        place = places[person.city]
        if person.participant_id in waiting:
            left_waiting[person.city] += 1
            place.want += 1
            place.want_online += person.meets_online
        seats = seats_left.get(person.participant_id, 0)
        place.seats += seats
        place.seats_online += seats * person.meets_online
    want_online = math.fsum(place.want_online for place in places.values())
    online_shares = {
        city: place.seats_online / (place.want + want_online - place.want_online)
        for city, place in places.items()
    }
    all_shares = math.fsum(online_shares.values())
    return tuple(
        CitySupply(
            city,
            left_waiting[city],
            place.seats,
            round(
                (place.seats - place.seats_online) / place.want
                + online_shares[city]
                + (place.want_online / place.want) * (all_shares - online_shares[city]),
                3,
            ),
        )
        for city, place in places.items()
    )
